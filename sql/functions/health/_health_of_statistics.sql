-- Whether esdb.event_statistics was brought up to date within most_hours, for `esdb health`; a store that is younger than
-- that has time. Locks nothing.
create or replace function esdb._health_of_statistics(
    most_hours double precision
)
returns table (
    is_ok boolean,
    detail text,
    hint text
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    greatest(r.refreshed_at, m.made_at) >= clock_timestamp() - make_interval(secs => most_hours * 3600),
    case
        when r.refreshed_at is null then 'never refreshed'
        else format('refreshed %s hours ago',
            round((extract(epoch from clock_timestamp() - r.refreshed_at) / 3600)::numeric, 1))
    end,
    'run esdb refresh-stats, and see that esdb maintain runs each night'
from (select esdb._statistics_refreshed()) as r (refreshed_at)
cross join (select min(e.began_at) from esdb.epoch_records as e) as m (made_at)
$function$;

comment on function esdb._health_of_statistics(double precision) is
    'Whether the statistics are fresh, for `esdb health ready`.';

revoke all on function esdb._health_of_statistics(double precision) from public;
-- a probe may be any role's
grant execute on function esdb._health_of_statistics(double precision)
    to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
