-- The optional indexes of a leaf, as the templates take them: an array of objects with suffix, keys, predicate and
-- wanted. Whoever makes a leaf holds the maintenance lock, so that what is wanted does not change meanwhile. Locks nothing.
create or replace function esdb._leaf_indexes()
returns jsonb
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select jsonb_agg(
    jsonb_build_object(
        'suffix', definition.suffix, 'keys', definition.keys, 'predicate', definition.predicate, 'wanted', o.wanted)
    order by definition.suffix
)
from esdb._optional_index_definitions() as definition
join esdb._optional_indexes() as o on o.name = definition.name
where definition.stands_on_leaves
$function$;

comment on function esdb._leaf_indexes() is 'The optional indexes of a leaf and whether each is wanted, for the templates.';

revoke all on function esdb._leaf_indexes() from public;
