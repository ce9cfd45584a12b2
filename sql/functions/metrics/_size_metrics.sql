-- Samples of sizes, for esdb.metrics: every table of the store, the partitions of the events rolled up by context. Rows
-- are estimates: what the server counts as it comes, or the last ANALYZE found. Reads the catalog and each file's size;
-- locks each table in ACCESS SHARE for as long as that takes.
create or replace function esdb._size_metrics()
returns table (
    metric text,
    labels jsonb,
    value double precision
)
language sql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with relations as materialized (
    select
        case when b.code is null then c.relname else 'events' end as relation,
        coalesce(b.code::text, '') as bounded_context,
        pg_table_size(c.oid) as with_toast,
        coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as toast,
        pg_indexes_size(c.oid) as index,
        greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, 0) as rows
    from pg_class as c
    left join pg_inherits as leaf on leaf.inhrelid = c.oid
    left join pg_class as context_table on context_table.oid = leaf.inhparent
    left join esdb.bounded_contexts as b on 'events_' || b.name = context_table.relname
    where c.relnamespace = 'esdb'::regnamespace and c.relkind in ('r', 'm')
)
select
    'esdb_size_bytes',
    jsonb_build_object('relation', r.relation, 'bounded_context', r.bounded_context, 'part', part.name),
    sum(part.bytes)
from relations as r
cross join lateral (
    values
        ('table', r.with_toast - r.toast),
        ('index', r.index),
        ('toast', r.toast)
) as part (name, bytes)
group by r.relation, r.bounded_context, part.name
union all
select 'esdb_' || r.relation, '{}', r.rows
from relations as r
where r.relation in ('streams', 'snapshots', 'idempotency_keys')
$function$;

comment on function esdb._size_metrics() is 'Samples of bytes and rows, for the view esdb.metrics.';

revoke all on function esdb._size_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._size_metrics() to esdb_reader, esdb_maintainer;
