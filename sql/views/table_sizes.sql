-- How much room the store's tables take: each table, and esdb.events by context, by month and by partition. Each figure
-- is measured once a table. Locks each table and its indexes in ACCESS SHARE for the moment that it is measured.
create or replace view esdb.table_sizes as
with measured as materialized (
    select
        relation.oid as relation,
        -- what ANALYZE found, or what was counted since as it came
        greatest(nullif(relation.reltuples, -1)::bigint, nullif(pg_catalog.pg_stat_get_live_tuples(relation.oid), 0)) as rows_estimate,
        -- pg_table_size() has TOAST in it, pg_relation_size() of the main fork lacks the maps
        pg_catalog.pg_relation_size(relation.oid, 'main') + pg_catalog.pg_relation_size(relation.oid, 'fsm')
        + pg_catalog.pg_relation_size(relation.oid, 'vm') as table_bytes,
        pg_catalog.pg_indexes_size(relation.oid) as index_bytes,
        coalesce(pg_catalog.pg_total_relation_size(nullif(relation.reltoastrelid, 0)), 0) as toast_bytes
    from pg_catalog.pg_class as relation
    where relation.relnamespace in (select n.oid from pg_catalog.pg_namespace as n where n.nspname in ('esdb', 'esdb_meta'))
        and relation.relkind in ('r', 'm')
)
select
    part.level,
    part.name,
    part.bounded_context,
    part.lower_bound,
    count(*) filter (where part.is_leaf) as partitions,
    sum(measured.rows_estimate)::bigint as rows_estimate,
    sum(measured.table_bytes)::bigint as table_bytes,
    sum(measured.index_bytes)::bigint as index_bytes,
    sum(measured.toast_bytes)::bigint as toast_bytes,
    sum(measured.table_bytes + measured.index_bytes + measured.toast_bytes)::bigint as total_bytes,
    pg_catalog.pg_size_pretty(sum(measured.table_bytes)) as table_size,
    pg_catalog.pg_size_pretty(sum(measured.index_bytes)) as index_size,
    pg_catalog.pg_size_pretty(sum(measured.toast_bytes)) as toast_size,
    pg_catalog.pg_size_pretty(sum(measured.table_bytes + measured.index_bytes + measured.toast_bytes)) as total_size
from measured
join esdb._tables_in_parts as part on part.relation = measured.relation
group by part.place, part.level, part.name, part.bounded_context, part.lower_bound
order by part.place, total_bytes desc, part.name;

comment on view esdb.table_sizes is
    'How much room the store takes: numbers, and the same as text. level store: all of it; table: each table, esdb.events as one; context, month (its start; a span of several months under its first one; overflow: those of all contexts), partition: esdb.events in parts. The rows of each level but store are different sums of the same bytes: look at one level at a time. A table whose partition was archived and kept is a table of its own. table_bytes: the rows and their maps; index_bytes: the indexes; toast_bytes: large values, with their index; rows_estimate: by the last ANALYZE or counted since (null: unknown). A query measures each table whatever it asks for: some 0.3 s for a thousand partitions, and waits where one is locked for DDL (set lock_timeout). Worry when total_bytes of the store, at the rate of its last months, fills the disk within a quarter; when esdb.idempotency_keys or a table of the subscriptions is among the largest; when a month''s index_bytes are over three times the rest, which esdb.index_health explains.';

revoke all on esdb.table_sizes from public;
grant select on esdb.table_sizes to esdb_reader, esdb_writer, esdb_maintainer;
