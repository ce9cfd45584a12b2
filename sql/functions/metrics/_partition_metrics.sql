-- Samples of the partitions and their maintenance, for esdb.metrics: the catalog, the seals and the server's statistics.
-- Locks what esdb._partition_status() locks.
create or replace function esdb._partition_metrics()
returns table (
    metric text,
    labels jsonb,
    value double precision
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with unsealed as materialized (
    select
        l.bounded_context,
        l.partition,
        pg_stat_get_tuples_inserted(l.leaf) as appended,
        greatest(pg_stat_get_live_tuples(l.leaf), c.reltuples::bigint, 0) as events
    from esdb._unsealed_leaves as l
    join pg_class as c on c.oid = l.leaf
)
select sample.metric, jsonb_build_object('bounded_context', p.bounded_context), sample.value
from esdb._partition_status() as p
cross join lateral (
    values
        ('esdb_partitions_ahead', p.months_ahead::double precision),
        ('esdb_partitions_wanted', p.months_wanted),
        ('esdb_partition_faults', cardinality(p.reasons)),
        ('esdb_overflow_events', coalesce(p.overflow_rows, 0)),
        ('esdb_seals_due', p.seals_due)
) as sample (metric, value)
where sample.value is not null
union all
select 'esdb_partition_appends_total', jsonb_build_object('bounded_context', u.bounded_context, 'partition', u.partition), u.appended
from unsealed as u
union all
select 'esdb_events', jsonb_build_object('bounded_context', b.code), coalesce(s.events, 0) + coalesce(u.events, 0)
from esdb.bounded_contexts as b
left join (
    select x.bounded_context, sum(x.event_count) as events from esdb.seals as x group by x.bounded_context
) as s on s.bounded_context = b.code
left join (
    select x.bounded_context, sum(x.events) as events from unsealed as x group by x.bounded_context
) as u on u.bounded_context = b.code
union all
select 'esdb_last_seal_timestamp_seconds', '{}', extract(epoch from max(s.sealed_at))
from esdb.seals as s
having count(*) > 0
union all
select 'esdb_last_refresh_timestamp_seconds', '{}', extract(epoch from r.at)
from esdb._statistics_refreshed() as r (at)
where r.at is not null
$function$;

comment on function esdb._partition_metrics() is 'Samples of the partitions and their maintenance, for the view esdb.metrics.';

revoke all on function esdb._partition_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._partition_metrics() to esdb_reader, esdb_maintainer;
