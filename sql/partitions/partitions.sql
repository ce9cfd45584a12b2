-- The partition tree as the catalog has it: one row a leaf. Costs a look at the catalog and at each leaf's file sizes.
create or replace view esdb.partitions as
select
    context_codes.code as bounded_context,
    context_codes.name as context_name,
    leaf.relname::text as partition,
    case
        when bounds.upper_text = 'MAXVALUE' then 'overflow'
        when bounds.upper_bound = (bounds.lower_bound at time zone 'UTC' + interval '1 month') at time zone 'UTC' then 'month'
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
cross join lateral (
    select pg_catalog.regexp_match(
        pg_catalog.pg_get_expr(leaf.relpartbound, leaf.oid),
        '^FOR VALUES FROM \(''?(.*?)''?\) TO \(''?(.*?)''?\)$'
    ) as texts
) as bound
cross join lateral (
    select
        bound.texts[2] as upper_text,
        nullif(bound.texts[1], 'MINVALUE')::timestamptz as lower_bound,
        nullif(bound.texts[2], 'MAXVALUE')::timestamptz as upper_bound
) as bounds
where tree.inhparent = 'esdb.events'::regclass;

comment on view esdb.partitions is
    'The leaves of esdb.events: context, kind (month, span, overflow), bounds (UTC months), estimated rows (null: never analysed) and bytes. A query reads each leaf''s file sizes.';

revoke all on esdb.partitions from public;
grant select on esdb.partitions to esdb_reader, esdb_maintainer;
