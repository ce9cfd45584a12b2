-- Refuses to read the feed where it could skip: a snapshot that outlives the statement is older than the mark.
-- Errors: SE011.
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
end
$function$;

comment on function esdb._check_feed_isolation() is 'Raises where the feed could skip events. Errors: SE011.';

revoke all on function esdb._check_feed_isolation() from public;
