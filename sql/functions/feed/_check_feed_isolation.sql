-- Refuses to read the feed where it could skip: a snapshot that outlives the statement is older than the mark, and on a
-- standby no announcement can be seen. Errors: SE011, 55000.
create or replace function esdb._check_feed_isolation()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'the feed cannot be read under %', upper(current_setting('transaction_isolation'))
            using errcode = 'SE011',
                  detail = 'the transaction''s snapshot is older than the high-water mark, so events would be skipped',
                  hint = 'Read it in a READ COMMITTED transaction.';
    end if;
    if pg_is_in_recovery() then
        raise exception 'the feed cannot be read on a standby'
            using errcode = 'object_not_in_prerequisite_state',
                  detail = 'announcements of open appends are not visible here, so events would be skipped',
                  hint = 'Read it on the primary.';
    end if;
end
$function$;

comment on function esdb._check_feed_isolation() is 'Raises where the feed could skip events. Errors: SE011, 55000.';

revoke all on function esdb._check_feed_isolation() from public;
