-- The settings that migrations register, each with type, default and bounds, part of esdb_meta.installed_objects(): see
-- there. The value is the installation's own. Locks nothing beyond reading the table.
create or replace function esdb_meta._installed_settings()
returns table (
    kind text,
    name text,
    definition jsonb,
    privileges text[]
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select
    'setting',
    registered.name,
    jsonb_build_object(
        'type', registered.value_type,
        'default', registered.default_value,
        'minimum', registered.minimum,
        'maximum', registered.maximum
    ),
    '{}'::text[]
from esdb.settings as registered
$function$;

comment on function esdb_meta._installed_settings() is
    'Settings without their values, for esdb_meta.installed_objects().';

revoke all on function esdb_meta._installed_settings() from public;
