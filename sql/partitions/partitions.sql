-- Every partition that there is or was: one row a leaf in the tree, and one for each that was archived. Costs a look at
-- the catalog and at each leaf's file sizes. What a query does not ask for is not looked up, and the positions of a
-- sealed partition are those of its seal: only those of open ones are read, from their indexes.
create or replace view esdb.partitions as
select
    leaves.bounded_context,
    leaves.context_name,
    leaves.partition,
    case when archives.state is null then leaves.kind else 'archiving' end as kind,
    leaves.lower_bound,
    leaves.upper_bound,
    nullif(relation.reltuples, -1)::bigint as rows_estimate,
    -- with its maps, which stand in neither of the other two
    pg_catalog.pg_table_size(relation.oid) - coalesce(pg_catalog.pg_total_relation_size(nullif(relation.reltoastrelid, 0)), 0)
        as table_bytes,
    pg_catalog.pg_indexes_size(relation.oid) as index_bytes,
    coalesce(pg_catalog.pg_total_relation_size(nullif(relation.reltoastrelid, 0)), 0) as toast_bytes,
    pg_catalog.pg_total_relation_size(relation.oid) as total_bytes,
    seals.event_count,
    seals.sealed_at,
    case when seals.number is null then esdb._edge_position(leaves.leaf, -1) else seals.min_position end as min_position,
    case when seals.number is null then esdb._edge_position(leaves.leaf, 1) else seals.max_position end as max_position
from esdb._leaves as leaves
join pg_catalog.pg_class as relation on relation.oid = leaves.leaf
left join esdb.seals as seals on seals.bounded_context = leaves.bounded_context and seals.lower_bound = leaves.lower_bound
left join esdb.archives as archives
    on archives.bounded_context = leaves.bounded_context and archives.lower_bound = leaves.lower_bound
union all
select
    archives.bounded_context,
    context_codes.name,
    archives.partition::text,
    case when relation.oid is null then 'archived' else 'detached' end,
    seals.lower_bound,
    seals.upper_bound,
    nullif(relation.reltuples, -1)::bigint,
    coalesce(
        pg_catalog.pg_table_size(relation.oid)
        - coalesce(pg_catalog.pg_total_relation_size(nullif(relation.reltoastrelid, 0)), 0), 0),
    coalesce(pg_catalog.pg_indexes_size(relation.oid), 0),
    coalesce(pg_catalog.pg_total_relation_size(nullif(relation.reltoastrelid, 0)), 0),
    coalesce(pg_catalog.pg_total_relation_size(relation.oid), 0),
    seals.event_count,
    seals.sealed_at,
    seals.min_position,
    seals.max_position
from esdb.archives as archives
join esdb.seals as seals on seals.bounded_context = archives.bounded_context and seals.lower_bound = archives.lower_bound
join esdb.bounded_contexts as context_codes on context_codes.code = archives.bounded_context
left join pg_catalog.pg_class as relation
    on relation.relnamespace = 'esdb'::regnamespace and relation.relname = archives.partition
where not exists (
    select
    from esdb._leaves as leaves
    where leaves.bounded_context = archives.bounded_context and leaves.lower_bound = archives.lower_bound
);

comment on view esdb.partitions is
    'The partitions of esdb.events: context, kind (month, span, overflow; archiving: being written to an archive; detached: archived, its table kept; archived: without a table), bounds (UTC months), estimated rows (null: never analysed), bytes; of a sealed one event_count and sealed_at; and the lowest and highest position. table_bytes, index_bytes and toast_bytes as in esdb.table_sizes. A query reads each leaf''s file sizes, some 0.3 s for a thousand, and looks the positions of open ones up, and the sizes too, only if it asks for them. Worry when a month is many times as large as the one before; about what else, esdb.partition_status and esdb.partition_health tell.';

revoke all on esdb.partitions from public;
grant select on esdb.partitions to esdb_reader, esdb_writer, esdb_maintainer;
