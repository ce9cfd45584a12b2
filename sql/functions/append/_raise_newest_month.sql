-- Tells all readers that events appear in a month later than any before, ahead of the first one: what lies after the
-- newest month is empty for certain, and no reader looks there. A sequence is seen by all at once and needs no commit.
--
-- A new store comes by here at every append until one succeeds, so this is where a store without any partition is told
-- of, with the code that the insert would fail with. Errors: 23514 (check_violation).
create or replace function esdb._raise_newest_month(
    "timestamp" timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (select from pg_inherits as i where i.inhparent = 'esdb.events'::regclass) then
        raise exception 'the store has no partitions yet'
            using errcode = 'check_violation',
                  detail = 'esdb.events has no table for any bounded context.',
                  hint = 'Run `esdb partitions create-next`.';
    end if;
    perform esdb._raise_sequence(
        'esdb.newest_month'::regclass, date_part('epoch', esdb._utc_month("timestamp", 1))::bigint);
end
$function$;

comment on function esdb._raise_newest_month(timestamptz) is
    'Raises esdb.newest_month to the end (UTC) of the month that holds a timestamp. Errors: 23514 (no partitions yet).';

revoke all on function esdb._raise_newest_month(timestamptz) from public;
