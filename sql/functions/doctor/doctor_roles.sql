-- Roles that may do more to the store than they are for: powers of the group roles themselves, superusers and owners among
-- its users, rights that go past its functions, PUBLIC; and login roles that can append without a limit on how long they
-- idle in a transaction. Superusers may do anything and are not named unless they were made members; nor is the owner. A
-- role's right to grant memberships counts as too much only if it may not make roles. Reads the catalog, locks nothing.
create or replace function esdb_meta.doctor_roles()
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
with groups as (
    select r.oid, r.rolname, r.rolsuper or r.rolcanlogin or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
        as has_powers
    from pg_roles as r
    where r.rolname in ('esdb_reader', 'esdb_writer', 'esdb_consumer', 'esdb_maintainer')
),
store as (
    select n.nspowner as owner, o.rolname as owner_name
    from pg_namespace as n
    join pg_roles as o on o.oid = n.nspowner
    where n.nspname = 'esdb'
),
-- what a role may become counts as much as what it is: from 16 on a grant can withhold that
users as (
    select
        r.oid,
        r.rolname,
        r.rolcreaterole,
        may.have as may_have,
        pg_has_role(r.oid, 'esdb_writer', may.have) as may_write,
        pg_has_role(r.oid, 'esdb_maintainer', may.have) as may_maintain,
        pg_has_role(r.oid, store.owner, may.have) as may_own
    from pg_roles as r
    cross join store
    cross join (
        select case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end as have
    ) as may
    where r.rolcanlogin
        and not r.rolsuper
        and r.oid <> store.owner
),
connects as (
    select string_agg(format('%I', r.rolname), ', ' order by r.rolname) as names
    from pg_roles as r
    cross join store
    where r.rolcanlogin
        and not r.rolsuper
        and (
            pg_has_role(r.oid, store.owner, 'member')
            or pg_has_role(r.oid, 'pg_read_all_stats', 'member')
            or exists (select from groups where pg_has_role(r.oid, groups.oid, 'member'))
            or exists (
                select from pg_stat_activity as s where s.usesysid = r.oid and s.datname = current_database()
            )
        )
),
mighty as (
    select
        groups.rolname,
        'it is to be a group without powers of its own, and may log in, make roles or the like' as fact,
        format('alter role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;', groups.rolname) as mend
    from groups
    where groups.has_powers
    union all
    select
        r.rolname,
        format('it is a superuser, and a member of %I as applications are', groups.rolname),
        format('alter role %I nosuperuser;', r.rolname)
    from pg_auth_members as m
    join groups on groups.oid = m.roleid
    join pg_roles as r on r.oid = m.member
    where r.rolsuper
        and r.oid not in (select g.oid from groups as g)
    union all
    select
        users.rolname,
        format('it may become %I, who owns the store and can alter it, and it appends', store.owner_name),
        format('revoke %I from %I;', store.owner_name, users.rolname)
    from users
    cross join store
    where users.may_own
        and users.may_write
    union all
    select
        users.rolname,
        'it may append and maintain the store: change settings, remove snapshots, reset subscriptions',
        format('revoke esdb_maintainer from %I;', users.rolname)
    from users
    where users.may_write
        and users.may_maintain
        and not users.may_own
    union all
    select
        users.rolname,
        format('as %s it can write to tables past the store''s functions', past.role),
        format('revoke %I from %I;', past.role, users.rolname)
    from users
    cross join unnest(array['pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program']) as past (role)
    where pg_has_role(users.oid, past.role, users.may_have)
    union all
    select
        r.rolname,
        format('it may make anybody a member of %I', groups.rolname),
        format('revoke admin option for %I from %I;', groups.rolname, r.rolname)
    from pg_auth_members as m
    join groups on groups.oid = m.roleid
    join pg_roles as r on r.oid = m.member
    cross join store
    where m.admin_option
        and not r.rolsuper
        and not r.rolcreaterole
        and r.oid <> store.owner
    union all
    select
        grantee.name,
        format('it has %s on %s itself', string_agg(lower(given.privilege_type), ', ' order by given.privilege_type),
            relation.oid::regclass),
        format('revoke all on %s from %s;', relation.oid::regclass, grantee.quoted)
    from pg_class as relation
    cross join lateral aclexplode(relation.relacl) as given
    cross join lateral (
        select
            case given.grantee when 0 then 'PUBLIC' else pg_get_userbyid(given.grantee) end as name,
            case given.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(given.grantee)) end as quoted
    ) as grantee
    where relation.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace)
        and relation.relkind in ('r', 'p', 'S')
        and given.grantee <> relation.relowner
        -- what a status needs
        and not (relation.oid = to_regclass('esdb_meta.checksums') and grantee.name = 'esdb_maintainer')
    group by grantee.name, grantee.quoted, relation.oid
    union all
    select
        grantee.name,
        format('it may make objects in the schema %I', space.nspname),
        format('revoke create on schema %I from %s;', space.nspname, grantee.quoted)
    from pg_namespace as space
    cross join lateral aclexplode(space.nspacl) as given
    cross join lateral (
        select
            case given.grantee when 0 then 'PUBLIC' else pg_get_userbyid(given.grantee) end as name,
            case given.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(given.grantee)) end as quoted
    ) as grantee
    where space.nspname in ('esdb', 'esdb_meta')
        and given.privilege_type = 'CREATE'
        and given.grantee <> space.nspowner
)
select 'role_too_mighty', 'warning', 'role ' || mighty.rolname, mighty.fact, mighty.mend, 'sql'
from mighty
union all
select
    'public_connect',
    'notice',
    'database ' || current_database(),
    'every role of the cluster may connect to it',
    concat_ws(
        chr(10),
        '-- who connects now, works with the store or watches it; whoever else connects at times needs the same',
        format('grant connect on database %I to ', current_database()) || connects.names || ';',
        format('revoke connect on database %I from public;', current_database())),
    'sql'
from connects
where has_database_privilege('public', current_database(), 'connect')
union all
select
    'no_idle_timeout',
    'warning',
    'role ' || users.rolname,
    'it can append, and may idle in a transaction for ever',
    format('alter role %I set idle_in_transaction_session_timeout = ''10s'';', users.rolname),
    'sql'
from users
where users.may_write
    and not users.may_own
    -- of the role in this database, of the role, of the database, of the server
    and coalesce(
        (
            select split_part(entry.text, '=', 2)
            from pg_db_role_setting as chosen
            cross join lateral unnest(chosen.setconfig) as entry (text)
            left join pg_database as place on place.oid = chosen.setdatabase
            where entry.text like 'idle_in_transaction_session_timeout=%'
                and chosen.setrole in (users.oid, 0)
                and (chosen.setdatabase = 0 or place.datname = current_database())
            order by chosen.setrole = 0, chosen.setdatabase = 0
            limit 1
        ),
        (
            select setting.reset_val
            from pg_settings as setting
            where setting.name = 'idle_in_transaction_session_timeout'
                and setting.source in ('default', 'configuration file', 'command line', 'environment variable')
        ),
        '0'
    ) in ('0', '0s', '0ms', '0min')
$function$;

comment on function esdb_meta.doctor_roles() is
    'Findings of `esdb doctor` about roles: too many rights, PUBLIC, writers without idle_in_transaction_session_timeout.';

revoke all on function esdb_meta.doctor_roles() from public;
grant execute on function esdb_meta.doctor_roles() to esdb_maintainer;
