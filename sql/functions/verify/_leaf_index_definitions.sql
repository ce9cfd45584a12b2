-- The keys and indexes that templates/_leaf.sql.j2 gives every leaf of esdb.events. suffix: the index is named
-- <leaf>_<suffix>; unique ones are constraints.
create or replace function esdb_meta._leaf_index_definitions()
returns table (
    suffix text,
    description text,
    method text,
    is_unique boolean,
    is_primary boolean,
    columns text[]
)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
values
    ('pkey', 'PRIMARY KEY (id)', 'btree', true, true, array['id']),
    ('version', 'UNIQUE (aggregate_id, version)', 'btree', true, false, array['aggregate_id', 'version']),
    ('position', 'UNIQUE (position)', 'btree', true, false, array['position']),
    ('timestamp', 'BRIN index on timestamp', 'brin', false, false, array['timestamp']),
    ('event_type', 'index on (event_type, position)', 'btree', false, false, array['event_type', 'position']),
    (
        'context', 'index on (group_context, feature_context, position)', 'btree', false, false,
        array['group_context', 'feature_context', 'position']
    )
$function$;

comment on function esdb_meta._leaf_index_definitions() is
    'The keys and indexes of every leaf, for esdb_meta.partition_faults() and esdb.index_health.';

revoke all on function esdb_meta._leaf_index_definitions() from public;
