-- Tells all readers that events appear in a month later than any before, ahead of the first one: what lies after the
-- newest month is empty for certain, and no reader looks there.
--
-- A sequence is seen by all at once and needs no commit. Only raised, under a lock that only a month's first appends
-- ask for; who does not get it waits for the value, not for the other's commit (a transaction may linger).
create or replace function esdb._raise_newest_month(
    "timestamp" timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = ''
as $function$
declare
    _end constant bigint := date_part('epoch', esdb._utc_month("timestamp", 1))::bigint;
begin
    while coalesce(pg_sequence_last_value('esdb.newest_month'::regclass), 0) < _end loop
        if pg_try_advisory_xact_lock((29283::bigint << 48) | _end) then
            perform setval('esdb.newest_month'::regclass, _end)
            where coalesce(pg_sequence_last_value('esdb.newest_month'::regclass), 0) < _end;
        else
            perform pg_sleep(0.001);
        end if;
    end loop;
end
$function$;

comment on function esdb._raise_newest_month(timestamptz) is
    'Raises esdb.newest_month to the end (UTC) of the month that holds a timestamp.';

revoke all on function esdb._raise_newest_month(timestamptz) from public;
