-- Samples of the partitions and their maintenance, for esdb.metrics: the catalog, the seals and the server's statistics.
--
-- Of partitions that are sealed, or of months to come, the catalog's numbers of pages are taken, which the VACUUM of the
-- sealing left: to ask for their files' sizes, a new connection would have to load what is known of each of a thousand
-- tables and its indexes. Of the others the files tell.
-- Locks what esdb._partition_status() locks, and the others in ACCESS SHARE for a moment.
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
with leaves as materialized (
    select
        l.leaf,
        l.bounded_context,
        l.partition,
        s.number is null as is_unsealed,
        s.number is null and l.lower_bound < esdb._newest_month_end() as is_written
    from esdb._leaves as l
    left join esdb.seals as s on s.bounded_context = l.bounded_context and s.lower_bound = l.lower_bound
),
unsealed as materialized (
    select
        l.bounded_context,
        l.partition,
        pg_stat_get_tuples_inserted(l.leaf) as appended,
        greatest(pg_stat_get_live_tuples(l.leaf), c.reltuples::bigint, 0) as events
    from leaves as l
    join pg_class as c on c.oid = l.leaf
    where l.is_unsealed
),
parts as (
    select l.bounded_context, l.is_written, 'table' as part, l.leaf as relation
    from leaves as l
    union all
    select l.bounded_context, l.is_written, 'index', i.indexrelid
    from leaves as l
    join pg_index as i on i.indrelid = l.leaf
    union all
    select l.bounded_context, l.is_written, 'toast', t.relation
    from leaves as l
    join pg_class as c on c.oid = l.leaf
    cross join lateral (
        select c.reltoastrelid
        union all
        select i.indexrelid
        from pg_index as i
        where i.indrelid = c.reltoastrelid
    ) as t (relation)
    where c.reltoastrelid <> 0
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
select
    'esdb_size_bytes',
    jsonb_build_object('relation', 'events', 'bounded_context', p.bounded_context, 'part', p.part),
    sum(case
        when not p.is_written then c.relpages * b.size
        when p.part = 'table'
            then pg_relation_size(p.relation) + pg_relation_size(p.relation, 'fsm') + pg_relation_size(p.relation, 'vm')
        else pg_table_size(p.relation)
    end)
from parts as p
join pg_class as c on c.oid = p.relation
cross join (select current_setting('block_size')::bigint) as b (size)
group by p.bounded_context, p.part
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
