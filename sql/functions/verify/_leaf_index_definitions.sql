-- The keys and indexes that templates/_leaf.sql.j2 gives every leaf of esdb.events. suffix: the index is named
-- <leaf>_<suffix>; unique ones are constraints. comes_with_seal: it is made when the leaf is sealed, and stays when it is
-- unsealed.
create or replace function esdb_meta._leaf_index_definitions()
returns table (
    suffix text,
    description text,
    method text,
    is_unique boolean,
    is_primary boolean,
    columns text[],
    comes_with_seal boolean
)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
values
    ('pkey', 'PRIMARY KEY (id)', 'btree', true, true, array['id'], false),
    ('version', 'UNIQUE (aggregate_id, version)', 'btree', true, false, array['aggregate_id', 'version'], false),
    ('position', 'UNIQUE (position)', 'btree', true, false, array['position'], false),
    ('timestamp', 'BRIN index on timestamp', 'brin', false, false, array['timestamp'], true),
    ('event_type', 'index on (event_type, position)', 'btree', false, false, array['event_type', 'position'], false),
    (
        'context', 'index on (group_context, feature_context, position)', 'btree', false, false,
        array['group_context', 'feature_context', 'position'], true
    )
$function$;

comment on function esdb_meta._leaf_index_definitions() is
    'The keys and indexes of every leaf, for esdb_meta.partition_faults() and esdb.index_health.';

revoke all on function esdb_meta._leaf_index_definitions() from public;
