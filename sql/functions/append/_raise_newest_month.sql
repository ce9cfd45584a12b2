-- Tells all readers that events appear in a month later than any before, ahead of the first one: what lies after the
-- newest month is empty for certain, and no reader looks there. A sequence is seen by all at once and needs no commit.
create or replace function esdb._raise_newest_month(
    "timestamp" timestamptz
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select esdb._raise_sequence(
    'esdb.newest_month'::regclass, date_part('epoch', esdb._utc_month("timestamp", 1))::bigint)
$function$;

comment on function esdb._raise_newest_month(timestamptz) is
    'Raises esdb.newest_month to the end (UTC) of the month that holds a timestamp.';

revoke all on function esdb._raise_newest_month(timestamptz) from public;
