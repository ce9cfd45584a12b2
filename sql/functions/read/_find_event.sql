-- The month (its start, UTC) of the event with an id; null: there is none. Looks into every leaf that may hold events.
--
-- One context after the other, each in an inner block that always ends in an error of our own: that gives its locks
-- back, so the search never holds more than those of one context's leaves and indexes, and none when it returns. As one
-- statement it would hold eight for each leaf of the store: more than the server's lock table has room for, in a store
-- that is old. Locks nothing beyond this call.
create or replace function esdb._find_event(
    id text
)
returns timestamptz
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _table text;
    _timestamp timestamptz;
begin
    for _table in
        select 'events_' || c.name from esdb.bounded_contexts as c order by c.name
    loop
        begin
            execute format('select e.timestamp from esdb.%I as e where e.id = $1 and e.timestamp < $2', _table)
                into _timestamp
                using _find_event.id, esdb._newest_month_end();
            raise exception 'release the locks' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' then
                null;
        end;
        if _timestamp is not null then
            return esdb._utc_month(_timestamp);
        end if;
    end loop;
    return null;
end
$function$;

comment on function esdb._find_event(text) is 'The month (its start, UTC) of the event with an id, looked for in every leaf.';

revoke all on function esdb._find_event(text) from public;
