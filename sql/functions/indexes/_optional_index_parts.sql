-- Every index that belongs to an optional index, wanted or not, as the catalog has it: valid, missing, invalid (a
-- CREATE INDEX CONCURRENTLY or a DROP of it was cut short) or other (the name is taken by something else). Locks nothing.
create or replace function esdb._optional_index_parts()
returns table (
    name text,
    table_name text,
    index_name text,
    keys text,
    predicate text,
    state text
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set quote_all_identifiers = off
as $function$
with tables as (
    select relation.relname::text as name, true as is_leaf
    from pg_partition_tree(to_regclass('esdb.events')) as tree
    join pg_class as relation on relation.oid = tree.relid
    where tree.isleaf and tree.level > 0
    union all
    select 'streams', false
)
select
    definition.name,
    tables.name,
    wanted.name,
    definition.keys,
    definition.predicate,
    case
        when found.oid is null then 'missing'
        when pg_get_indexdef(found.oid) is distinct from format(
            'CREATE INDEX %I ON esdb.%I USING btree (%s)%s', wanted.name, tables.name, definition.keys,
            ' WHERE ' || definition.predicate)
        then 'other'
        when facts.indisvalid and facts.indisready then 'valid'
        else 'invalid'
    end
from esdb._optional_index_definitions() as definition
join tables on tables.is_leaf = definition.stands_on_leaves
cross join lateral (select tables.name || '_' || definition.suffix as name) as wanted
left join pg_class as found on found.relname = wanted.name and found.relnamespace = to_regnamespace('esdb')
left join pg_index as facts on facts.indexrelid = found.oid
$function$;

comment on function esdb._optional_index_parts() is
    'Every index of the optional indexes on every table it belongs on, and its state in the catalog.';

revoke all on function esdb._optional_index_parts() from public;
