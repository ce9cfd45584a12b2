-- Where the objects differ from what the last migration left: missing, altered (and in what), a privilege missing.
--
-- A right that came later is a fault only where it opens a table or a sequence, or opens anything to PUBLIC; an index
-- or a view that came later is the administrator's own, a function, trigger or constraint is a fault. SECURITY DEFINER
-- because the ledger is the owner's. Locks nothing.
create or replace function esdb_meta.object_faults()
returns table (
    kind text,
    name text,
    fault text
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with compared as (
    select
        coalesce(recorded.kind, installed.kind) as kind,
        coalesce(recorded.name, installed.name) as name,
        recorded.kind is not null as is_recorded,
        installed.kind is not null as is_installed,
        recorded.privileges as recorded_privileges,
        installed.privileges as installed_privileges,
        recorded.definition - ignored.keys as recorded_definition,
        installed.definition - ignored.keys as installed_definition
    from esdb_meta.objects as recorded
    full join esdb_meta.installed_objects() as installed
        on installed.kind = recorded.kind and installed.name = recorded.name
    cross join lateral (
        select case
            when recorded.server_major = current_setting('server_version_num')::integer / 10000 then '{}'::text[]
            else array['expressions']
        end as keys
    ) as ignored
)
select compared.kind, compared.name, 'missing'
from compared
where not compared.is_installed
union all
select compared.kind, compared.name, 'not made by a migration'
from compared
where not compared.is_recorded
    and compared.kind in ('function', 'trigger', 'constraint')
union all
select compared.kind, compared.name, 'altered: ' || differences.keys
from compared
cross join lateral (
    select string_agg(key, ', ' order by key) as keys
    from jsonb_object_keys(compared.recorded_definition || compared.installed_definition) as key
    where compared.recorded_definition -> key is distinct from compared.installed_definition -> key
) as differences
where differences.keys is not null
union all
select compared.kind, compared.name, 'privilege missing: ' || privilege
from compared
cross join lateral unnest(compared.recorded_privileges) as privilege
where compared.is_installed
    and privilege <> all (compared.installed_privileges)
union all
select compared.kind, compared.name, 'privilege nobody was given: ' || privilege
from compared
cross join lateral unnest(compared.installed_privileges) as privilege
where compared.is_recorded
    and privilege <> all (compared.recorded_privileges)
    and (compared.kind in ('table', 'sequence') or privilege like 'PUBLIC:%')
order by 1, 2, 3
$function$;

comment on function esdb_meta.object_faults() is
    'Objects that are missing or altered and privileges that are, against what the last migration left; no row: none.';

revoke all on function esdb_meta.object_faults() from public;
grant execute on function esdb_meta.object_faults() to esdb_maintainer;

-- who may ask may also read which files were run: `esdb status` and `esdb verify` compare them with the package's
grant usage on schema esdb_meta to esdb_maintainer;
grant select on esdb_meta.checksums to esdb_maintainer;
