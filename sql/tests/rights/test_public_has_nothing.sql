-- PUBLIC has no right to anything of the store: a new object without a revoke fails here.
select plan(4);

create view pg_temp.open_to_all as
select 'schema ' || n.nspname as object, a.privilege_type
from pg_namespace as n
cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
where n.nspname in ('esdb', 'esdb_meta') and a.grantee = 0
union all
select 'function ' || p.oid::regprocedure, a.privilege_type
from pg_proc as p
cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and a.grantee = 0
union all
select 'relation ' || c.oid::regclass, a.privilege_type
from pg_class as c
cross join lateral aclexplode(c.relacl) as a
where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and a.grantee = 0
union all
select 'column ' || t.attrelid::regclass || '.' || t.attname, a.privilege_type
from pg_attribute as t
join pg_class as c on c.oid = t.attrelid
cross join lateral aclexplode(t.attacl) as a
where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and a.grantee = 0
union all
-- a table's row type has no rights of its own
select 'type ' || y.oid::regtype, a.privilege_type
from pg_type as y
left join pg_class as c on c.oid = y.typrelid
cross join lateral aclexplode(coalesce(y.typacl, acldefault('T', y.typowner))) as a
where y.typnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and y.typelem = 0
    and (y.typtype <> 'c' or c.relkind = 'c') and a.grantee = 0;

select is_empty('select * from pg_temp.open_to_all', 'PUBLIC has no right to any object');

begin;
create role passer_by nologin;
select is(has_schema_privilege('passer_by', s.name, 'usage, create'), false, format('a role of its own kind cannot enter %s', s.name))
from (
    values
        ('esdb'),
        ('esdb_meta')
) as s (name);
rollback;

-- the query above finds what it looks for
begin;
grant execute on function esdb.new_ulid(timestamptz) to public;
grant select on esdb.streams to public;
grant select (code) on esdb.bounded_contexts to public;
grant usage on type esdb.append_result to public;
grant usage on schema esdb to public;
select is((select count(*) from pg_temp.open_to_all), 5::bigint, 'five rights given to PUBLIC are five faults');
rollback;

select * from finish();
