-- Whether what was committed stays committed: fsync, full_page_writes and synchronous_commit, the last also as it is set for
-- roles and for this database. Reads the catalog, locks nothing.
create or replace function esdb_meta.doctor_durability()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
select
    'not_durable',
    case setting.name when 'synchronous_commit' then 'warning' else 'critical' end,
    'setting ' || setting.name,
    format('%s is off', setting.name),
    fix.mend,
    fix.mend_by
from pg_settings as setting
cross join lateral esdb_meta.doctor_setting(setting.name, 'on') as fix
where setting.name in ('fsync', 'full_page_writes', 'synchronous_commit')
    and setting.reset_val = 'off'
    -- what a role, the database or this session chose for itself is no setting of the server
    and setting.source in ('default', 'configuration file', 'command line', 'environment variable')
union all
select
    'not_durable',
    'warning',
    coalesce(nullif(concat_ws(' in ', 'role ' || role.rolname, 'database ' || place.datname), ''), 'all roles'),
    'synchronous_commit is off for it',
    case
        when role.oid is null and place.oid is null then 'alter role all reset synchronous_commit;'
        when role.oid is null then format('alter database %I reset synchronous_commit;', place.datname)
        when place.oid is null then format('alter role %I reset synchronous_commit;', role.rolname)
        else format('alter role %I in database %I reset synchronous_commit;', role.rolname, place.datname)
    end,
    'sql'
from pg_db_role_setting as chosen
cross join lateral unnest(chosen.setconfig) as entry (text)
left join pg_roles as role on role.oid = chosen.setrole
left join pg_database as place on place.oid = chosen.setdatabase
where (chosen.setdatabase = 0 or place.datname = current_database())
    and entry.text in ('synchronous_commit=off', 'synchronous_commit=false', 'synchronous_commit=no', 'synchronous_commit=0')
$function$;

comment on function esdb_meta.doctor_durability() is
    'Findings of `esdb doctor` about settings that let a crash lose or damage what was committed.';

revoke all on function esdb_meta.doctor_durability() from public;
grant execute on function esdb_meta.doctor_durability() to esdb_maintainer;
