-- The feed and its mark refuse a transaction whose snapshot is older than the mark.
select plan(12);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');

begin isolation level repeatable read;
select refused(refused.statement, 'SE011', '%snapshot%', format('REPEATABLE READ: %s', refused.statement))
from (
    values
        ('select * from esdb.read_all()'),
        ('select * from esdb.read_all(1)'),
        ('select * from esdb.read_all(0, 10, array[''n''])'),
        ('select esdb.high_water_mark()')
) as refused (statement);
rollback;
begin isolation level serializable;
select refused(refused.statement, 'SE011', '%snapshot%', format('SERIALIZABLE: %s', refused.statement))
from (
    values
        ('select * from esdb.read_all()'),
        ('select * from esdb.read_all(1)'),
        ('select esdb.high_water_mark()')
) as refused (statement);
rollback;
begin isolation level read committed;
select lives_ok('select * from esdb.read_all()', 'READ COMMITTED is what it needs');
select lives_ok('select esdb.high_water_mark()', 'for the mark too');
rollback;
begin isolation level read uncommitted;
select lives_ok('select * from esdb.read_all()', 'READ UNCOMMITTED is the same in PostgreSQL');
rollback;
begin isolation level serializable;
select lives_ok($$select esdb.append_event('s', 'T', '{}')$$, 'an append is taken under SERIALIZABLE');
rollback;

select is(esdb.stream_version('s'), 1::bigint, 'which was rolled back here');

select * from finish();
