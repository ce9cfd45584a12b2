-- Publishes the high-water mark to standbys and returns it: `esdb maintain` → publish_mark → esdb.durable_mark. Appends do it
-- by themselves, at most once in 20 milliseconds, but none comes after the last one; this brings that to the standbys.
-- Locks nothing at its end. Errors: 55000 on a standby.
create or replace function esdb.publish_mark()
returns bigint
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if pg_is_in_recovery() then
        raise exception 'a standby publishes no mark'
            using errcode = 'object_not_in_prerequisite_state',
                  detail = 'it takes the primary''s',
                  hint = 'Call it on the primary.';
    end if;
    return esdb._publish_mark(null);
end
$function$;

comment on function esdb.publish_mark() is
    'Publishes the high-water mark, so that consumers on standbys read up to it, and returns it. Appends publish it in passing; call this now and then so that the last events of an idle store come to standbys: `esdb maintain` does. Errors: 55000 on a standby.';

revoke all on function esdb.publish_mark() from public;
grant execute on function esdb.publish_mark() to esdb_maintainer;
