-- The audit log says who did what, belongs to the transaction, and nobody may write, change or empty it.
select plan(64);

select esdb._audit('test', 'a thing', '{"a": 1}', 3);
select results_eq(
    $$select subject, affected, details, principal = session_user, application_name = current_setting('application_name')
      from esdb.audit_trail where action = 'test'$$,
    $$select 'a thing', 3::bigint, '{"a": 1}'::jsonb, true, true$$,
    'what is noted is seen through the view');
begin;
select esdb._audit('test', 'another');
rollback;
select is(count(*), 1::bigint, 'what is rolled back was not done') from esdb.audit_trail where action = 'test';
begin;
set local role esdb_maintainer;
select is(count(*), 1::bigint, 'a maintainer reads the view') from esdb.audit_trail where action = 'test';
rollback;

-- what a function of the owner's does for a role is the role's
begin;
set local role esdb_maintainer;
select esdb.set_setting('partitions_ahead', '4');
reset role;
select results_eq(
    $$select principal, subject, details from esdb.audit_trail where action = 'set setting'$$,
    $$values ('esdb_maintainer', 'partitions_ahead', '{"before": "3", "after": "4", "is_default": false}'::jsonb)$$,
    'the principal is the role that called');
rollback;

create temporary table change (statement) as
values
    ('update esdb.%s set subject = ''x'''),
    ('delete from esdb.%s'),
    ('truncate esdb.%s'),
    ('insert into esdb.%s (action, subject, details) values (''test'', ''forged'', ''{}'')');

select refused(format(statement, 'audit_log'), 'SE008', '% of esdb.audit_log', format('the owner''s is refused: %s', statement))
from change
where statement not like 'insert%';
set session_replication_role = replica;
select refused(format(statement, 'audit_log'), 'SE008', '% of esdb.audit_log', format('as a replica, too: %s', statement))
from change
where statement not like 'insert%';
reset session_replication_role;
select refused(statement, code, '%', format('nor by another door: %s', statement))
from (
    values
        ('merge into esdb.audit_log using (values (1)) as v (n) on true when matched then delete', 'SE008'),
        ('insert into esdb.audit_log (action, subject, details, number) values (''test'', ''x'', ''{}'', 1)', '428C9'),
        ('insert into esdb.audit_log (number, action, subject, details) overriding system value values (1, ''test'', ''x'', ''{}'')'
            ' on conflict (number) do update set subject = ''x''', 'SE008')
) as other (statement, code);

create function pg_temp.attempt(role name, statement text) returns text language plpgsql as $$
begin
    begin
        execute format('set local role %I', role);
        execute statement;
    exception
        when others then
            return sqlstate;
    end;
    return 'done';
end
$$;
create role granted_all nologin;
grant esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer to granted_all;
select is(
    pg_temp.attempt(r.role, s.statement),
    case when s.statement like '%esdb.audit\_trail%' then '55000' else '42501' end,
    format('%s may not: %s', r.role, s.statement))
from (
    select r::name
    from unnest(array['esdb_reader', 'esdb_writer', 'esdb_consumer', 'esdb_maintainer', 'granted_all']) as r
) as r (role)
cross join (
    select format(c.statement, t.name)
    from change as c
    cross join (values ('audit_log'), ('audit_trail')) as t (name)
    where t.name = 'audit_log' or c.statement like 'insert%' or c.statement like 'update%'
    union all
    values ('select esdb._audit(''test'', ''forged'')'),
        ('select * from esdb.audit_log'),
        ('alter table esdb.audit_log disable trigger all'),
        ('select setval(''esdb.audit_log_number_seq'', 1)')
) as s (statement);
drop owned by granted_all;
drop role granted_all;
select is(count(*), 1::bigint, 'nothing was changed') from esdb.audit_log where action = 'test';

select * from finish();
