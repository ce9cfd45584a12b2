-- Every object of ours as the catalog has it now: what it is and who but its owner may use it.
--
-- definition holds facts that do not change with the server's version. Under its key `expressions` stands what the
-- server writes out itself (defaults, checks, views), which a newer server may word differently: it is compared only
-- with a record of the same major version. Partitions of esdb.events are left out (esdb_meta.partition_faults()).
-- Constants in expressions are written out the same way whatever the session's settings are.
-- Reads the catalog, the tables of context codes and the settings, locks nothing beyond that.
create or replace function esdb_meta.installed_objects()
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
set quote_all_identifiers = off
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set intervalstyle = postgres
as $function$
select routines.kind, routines.name, routines.definition, routines.privileges
from esdb_meta._installed_routines() as routines
union all
select relations.kind, relations.name, relations.definition, relations.privileges
from esdb_meta._installed_relations() as relations
union all
select details.kind, details.name, details.definition, details.privileges
from esdb_meta._installed_details() as details
union all
select types.kind, types.name, types.definition, types.privileges
from esdb_meta._installed_types() as types
union all
select settings.kind, settings.name, settings.definition, settings.privileges
from esdb_meta._installed_settings() as settings
$function$;

comment on function esdb_meta.installed_objects() is
    'Every object of the store as the catalog has it now; esdb_meta.objects holds what the last migration left.';

revoke all on function esdb_meta.installed_objects() from public;
