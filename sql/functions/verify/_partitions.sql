-- The tables below esdb.events: each context's (not a leaf) and their leaves. Reads the catalog, locks nothing.
create or replace function esdb_meta._partitions()
returns table (
    oid oid,
    name text,
    is_leaf boolean
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select
    relation.oid,
    format('%I.%I', namespace.nspname, relation.relname),
    tree.isleaf
from pg_partition_tree(to_regclass('esdb.events')) as tree
join pg_class as relation on relation.oid = tree.relid
join pg_namespace as namespace on namespace.oid = relation.relnamespace
where tree.level > 0
$function$;

comment on function esdb_meta._partitions() is
    'The tables of the contexts and their leaves, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._partitions() from public;
