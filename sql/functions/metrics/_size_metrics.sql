-- Samples of the store's tables but the events', for esdb.metrics. Rows are estimates: what the server counts as it comes,
-- or the last ANALYZE found. Reads the catalog and the files' sizes; locks each table in ACCESS SHARE for a moment.
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
        c.relname as name,
        pg_table_size(c.oid) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as table_bytes,
        pg_indexes_size(c.oid) as index_bytes,
        coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as toast_bytes,
        greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, 0) as rows
    from pg_class as c
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
        and c.relkind in ('r', 'm')
        and not exists (select from pg_inherits as leaf where leaf.inhrelid = c.oid)
)
select 'esdb_size_bytes', jsonb_build_object('relation', r.name, 'bounded_context', '', 'part', part.name), part.bytes
from relations as r
cross join lateral (
    values
        ('table', r.table_bytes::double precision),
        ('index', r.index_bytes),
        ('toast', r.toast_bytes)
) as part (name, bytes)
union all
select 'esdb_' || r.name, '{}', r.rows
from relations as r
where r.name in ('streams', 'snapshots', 'idempotency_keys')
$function$;

comment on function esdb._size_metrics() is 'Samples of bytes and rows of tables, for the view esdb.metrics.';

revoke all on function esdb._size_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._size_metrics() to esdb_reader, esdb_maintainer;
