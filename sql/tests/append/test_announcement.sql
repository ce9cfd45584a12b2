-- An append announces where its positions begin, and holds that until its transaction ends.
select plan(9);

create view pg_temp.announced as
select ((l.classid::bigint & 65535) << 32) | l.objid::bigint as position
from pg_locks as l
where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint >> 16 = 29281 and l.mode = 'ShareLock'
    and l.database = (select oid from pg_database where datname = current_database());

select results_eq('select position from pg_temp.announced', 'select null::bigint where false', 'nothing is announced without an append');
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');
select is_empty('select from pg_temp.announced', 'or after it');

begin;
select position from esdb.append_event('s', 'T', '{}');
select results_eq('select position from pg_temp.announced', 'values (1::bigint)', 'an append announces the last position before it');
select position from esdb.append_event('s', 'T', '{}');
select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}]');
select count(*) from generate_series(1, 50) cross join lateral esdb.append_event('s', 'T', '{}');
select results_eq(
    'select min(position), count(*) <= 2 from pg_temp.announced', 'values (1::bigint, true)',
    'further ones in the transaction keep it, and add no lock each'
);
rollback;
select is_empty('select from pg_temp.announced', 'a rollback releases it');

begin;
savepoint before;
select position from esdb.append_event('s', 'T', '{}');
rollback to savepoint before;
select is_empty('select from pg_temp.announced', 'a rollback to a savepoint releases it');
select position from esdb.append_event('s', 'T', '{}');
select results_eq(
    'select a.position < e.position from pg_temp.announced as a, esdb.read_stream(''s'', 2) as e', 'values (true)',
    'and the next append announces again, below its position'
);
commit;

begin;
create temporary table written ();
select set_config('esdb.announced', '999999', false);
select position from esdb.append_event('s', 'T', '{}');
select results_eq(
    'select a.position < e.position from pg_temp.announced as a, esdb.read_stream(''s'', 3) as e', 'values (true)',
    'a caller who sets the variable cannot announce above its position'
);
rollback;
select set_config('esdb.announced', 'no number', false);
begin;
create temporary table written ();
select position from esdb.append_event('s', 'T', '{}');
select is((select count(*) from pg_temp.announced), 1::bigint, 'or make an append fail');
rollback;

select * from finish();
