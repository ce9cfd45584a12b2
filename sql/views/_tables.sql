-- The tables of the store that take room: leaves of esdb.events with their context and bounds, archived ones that kept
-- their table (kind detached), and all others (kind table). Reads the catalog alone. Its name puts it before the views
-- that read it. Two branches and no outer join: the planner does not know how many leaves there are.
create or replace view esdb._tables as
select
    leaves.leaf as relation,
    pg_catalog.format('esdb.%I', leaves.partition) as table_name,
    leaves.kind,
    leaves.bounded_context::text as bounded_context,
    leaves.context_name,
    leaves.lower_bound,
    leaves.upper_bound,
    true as is_leaf
from esdb._leaves as leaves
union all
select
    relation.oid as relation,
    pg_catalog.format('%I.%I', namespace.nspname, relation.relname) as table_name,
    coalesce(archived.kind, 'table') as kind,
    archived.bounded_context,
    archived.context_name,
    archived.lower_bound,
    archived.upper_bound,
    false as is_leaf
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
left join (
    select
        'detached' as kind,
        archives.partition,
        archives.bounded_context::text as bounded_context,
        context_codes.name as context_name,
        seals.lower_bound,
        seals.upper_bound
    from esdb.archives as archives
    join esdb.seals as seals on seals.bounded_context = archives.bounded_context and seals.lower_bound = archives.lower_bound
    join esdb.bounded_contexts as context_codes on context_codes.code = archives.bounded_context
) as archived on namespace.nspname = 'esdb' and archived.partition = relation.relname
where namespace.nspname in ('esdb', 'esdb_meta') and relation.relkind in ('r', 'm') and not relation.relispartition;

comment on view esdb._tables is
    'The tables of the store that take room, with kind and, of partitions, context and bounds; for the views of sizes and health.';

revoke all on esdb._tables from public;
