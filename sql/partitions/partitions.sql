-- The partition tree as the catalog has it: one row a leaf. Costs a look at the catalog and at each leaf's file sizes.
create or replace view esdb.partitions as
select
    context_codes.code as bounded_context,
    context_codes.name as context_name,
    leaf.relname::text as partition,
    case
        when bounds.upper_bound is null then 'overflow'
        when bounds.upper_bound = esdb._utc_month(bounds.lower_bound, 1) then 'month'
        else 'span'
    end as kind,
    bounds.lower_bound,
    bounds.upper_bound,
    nullif(leaf.reltuples, -1)::bigint as rows_estimate,
    pg_catalog.pg_relation_size(leaf.oid) as table_bytes,
    pg_catalog.pg_indexes_size(leaf.oid) as index_bytes,
    coalesce(pg_catalog.pg_total_relation_size(nullif(leaf.reltoastrelid, 0)), 0) as toast_bytes,
    pg_catalog.pg_total_relation_size(leaf.oid) as total_bytes
from pg_catalog.pg_inherits as tree
join pg_catalog.pg_inherits as context_tree on context_tree.inhparent = tree.inhrelid
join pg_catalog.pg_class as context_table on context_table.oid = tree.inhrelid
join pg_catalog.pg_class as leaf on leaf.oid = context_tree.inhrelid
join esdb.bounded_contexts as context_codes on 'events_' || context_codes.name = context_table.relname
cross join lateral esdb._partition_bounds(leaf.oid) as bounds
where tree.inhparent = 'esdb.events'::regclass;

comment on view esdb.partitions is
    'The leaves of esdb.events: context, kind (month, span, overflow), bounds (UTC months), estimated rows (null: never analysed) and bytes. A query reads each leaf''s file sizes.';

revoke all on esdb.partitions from public;
grant select on esdb.partitions to esdb_reader, esdb_writer, esdb_maintainer;
