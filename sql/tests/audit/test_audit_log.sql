-- The audit log says who did what, belongs to the transaction, and only grows.
select plan(7);

select esdb._audit('test', 'a thing', '{"a": 1}');
select results_eq(
    'select action = ''test'', subject = ''a thing'', details, principal = session_user from esdb.audit_trail',
    'select true, true, ''{"a": 1}''::jsonb, true',
    'what is noted is seen through the view');
begin;
select esdb._audit('test', 'another');
rollback;
select is(count(*), 1::bigint, 'what is rolled back was not done') from esdb.audit_trail;
begin;
set local role esdb_maintainer;
select is(count(*), 1::bigint, 'a maintainer reads the view') from esdb.audit_trail;
rollback;
select refused(statement, 'SE008', format('%% of esdb.audit_log'), format('refused: %s', statement))
from (
    values
        ('update esdb.audit_log set subject = ''x'''),
        ('delete from esdb.audit_log'),
        ('truncate esdb.audit_log')
) as changes (statement);
select is(count(*), 1::bigint, 'nothing was changed') from esdb.audit_trail;

select * from finish();
