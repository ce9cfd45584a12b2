-- get_event() finds an event by its id, with or without its stream, ULID or not.
select plan(25);

create temporary table appended as
select 'ulid' as kind, a.id, 'one' as aggregate_id from esdb.append_event('one', 'T', '{"n": 1}', 0, 'n', 'm') as a
union all
select 'own', a.id, 'two' from esdb.append_event('two', 'T', '{"n": 2}', 0, 'b', 'm', id => 'order-42/created') as a
union all
select 'uuid', a.id, 'three'
from esdb.append_event('three', 'T', '{"n": 3}', 0, 'nt', 'm', id => '4f9d2c57-4d5f-4c6f-8c71-0a7a5a1a7f10') as a
union all
-- a caller's ULIDs of other times than the event's
select 'old ulid', a.id, 'four' from esdb.append_event('four', 'T', '{}', 0, 'n', 'm', id => '01ARZ3NDEKTSV4RRFFQ69G5FAV') as a
union all
select 'lower ulid', a.id, 'five' from esdb.append_event('five', 'T', '{}', 0, 'n', 'm', id => '01arz3ndektsv4rrffq69g5fav') as a
union all
select 'last ulid', a.id, 'six' from esdb.append_event('six', 'T', '{}', 0, 'n', 'm', id => '7ZZZZZZZZZZZZZZZZZZZZZZZZZ') as a;

select is(
    (select e.aggregate_id collate "default" from esdb.get_event(a.id) as e), a.aggregate_id, format('%s: by the id alone', a.kind)
)
from appended as a;
select is(
    (select e.aggregate_id collate "default" from esdb.get_event(a.id, a.aggregate_id) as e), a.aggregate_id,
    format('%s: with its stream', a.kind)
)
from appended as a;
select is((select count(*) from esdb.get_event(a.id, 'one')), (a.aggregate_id = 'one')::integer::bigint,
    format('%s: with stream one', a.kind))
from appended as a;

select is((select count(*) from esdb.get_event(absent.id)), 0::bigint, format('no event has the id %L', absent.id))
from (
    values
        (''),
        ('none'),
        ('01ARZ3NDEKTSV4RRFFQ69G5FAW'),
        ('ORDER-42/CREATED')
) as absent (id);
select is((select count(*) from esdb.get_event('order-42/created', 'none')), 0::bigint, 'a stream that does not exist has none');

create view pg_temp.opened as
select l.relation::regclass::text as leaf
from pg_locks as l
join esdb.partitions as p on p.partition = (select c.relname from pg_class as c where c.oid = l.relation)
where l.pid = pg_backend_pid() and l.locktype = 'relation';
begin;
select count(*) from appended as a cross join lateral esdb.get_event(a.id, a.aggregate_id) where a.kind = 'own';
select is((select count(*) from pg_temp.opened), 1::bigint, 'with its stream, one leaf is opened');
commit;
begin;
select count(*) from appended as a cross join lateral esdb.get_event(a.id) where a.kind = 'ulid';
select is((select count(*) from pg_temp.opened), (select count(*) from esdb.bounded_contexts),
    'a ULID of the store names the month: one leaf a context is opened');
commit;

select * from finish();
