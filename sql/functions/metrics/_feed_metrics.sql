-- Samples of the feed, for esdb.metrics. Runs as its caller, because whose sessions are seen depends on who asks: the age
-- of an open append is the higher one of what the caller and what the owner may see, and missing where neither may.
-- Takes one look at the lock manager, and another where the mark is behind. Locks nothing. Errors: SE011.
create or replace function esdb._feed_metrics()
returns table (
    metric text,
    labels jsonb,
    value double precision
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
with lag as materialized (
    select * from esdb.feed_lag()
),
open_appends as materialized (
    select count(*) as number, count(a.age) as seen, extract(epoch from max(a.age)) as seconds
    from esdb.open_appends as a
)
select sample.metric, '{}'::jsonb, sample.value
from lag as l
cross join open_appends as o
cross join lateral (
    values
        ('esdb_positions_total', l.last_position::double precision),
        ('esdb_feed_position', l.mark),
        ('esdb_feed_behind_events', l.positions_behind),
        ('esdb_feed_behind_seconds', greatest(
            l.seconds_behind, case when not l.is_standby and l.positions_behind > 0 then o.seconds end)),
        ('esdb_feed_replay_bytes', l.bytes_to_replay),
        ('esdb_is_standby', l.is_standby::integer),
        ('esdb_open_appends', case when not l.is_standby then o.number end),
        ('esdb_oldest_open_append_seconds', case when not l.is_standby and o.number = o.seen then coalesce(o.seconds, 0) end)
) as sample (metric, value)
where sample.value is not null
union all
select 'esdb_epoch', '{}', count(*)
from esdb.epochs
$function$;

comment on function esdb._feed_metrics() is 'Samples of the feed, for the view esdb.metrics. Errors: SE011.';

revoke all on function esdb._feed_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._feed_metrics() to esdb_reader, esdb_maintainer;
