-- The relations of esdb and esdb_meta that migrations make: all but the partitions of esdb.events, tables named as such
-- (esdb.events_*) and what stands on them, and the optional indexes of esdb.streams, which esdb_meta.partition_faults()
-- checks by rule. Reads the catalog, locks nothing.
create or replace function esdb_meta._our_relations()
returns table (
    oid oid,
    name text,
    kind "char"
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select
    relation.oid,
    format('%I.%I', namespace.nspname, relation.relname),
    relation.relkind
from pg_class as relation
join pg_namespace as namespace on namespace.oid = relation.relnamespace
left join pg_index as index_of on index_of.indexrelid = relation.oid
where namespace.nspname in ('esdb', 'esdb_meta')
    and coalesce(index_of.indrelid, relation.oid) not in (
        select tree.relid
        from pg_partition_tree(to_regclass('esdb.events')) as tree
        where tree.level > 0
        union all
        select table_named_so.oid
        from pg_class as table_named_so
        where table_named_so.relnamespace = to_regnamespace('esdb')
            and table_named_so.relkind in ('r', 'p', 'f')
            and starts_with(table_named_so.relname::text, 'events_')
    )
    and (namespace.nspname, relation.relname::text) not in (
        select 'esdb', 'streams_' || optional.suffix
        from esdb._optional_index_definitions() as optional
        where not optional.stands_on_leaves
    )
$function$;

comment on function esdb_meta._our_relations() is 'The relations that migrations make, partitions of esdb.events left out.';

revoke all on function esdb_meta._our_relations() from public;
