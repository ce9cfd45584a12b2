-- append_event() returns the id, version, position and timestamp of the event it stored.
select plan(9);

create temporary table appended as
select n as number, a.*
from generate_series(1, 3) as n
cross join lateral esdb.append_event('stream', 'Happened', jsonb_build_object('n', n), n - 1, 'n', 'm') as a;

select results_eq(
    'select version from appended order by number', 'values (1::bigint), (2), (3)', 'versions count up from 1'
);
select results_eq(
    'select id collate "default", version, position, timestamp from appended order by number',
    $$select e.id collate "default", e.version::bigint, e.position, e.timestamp from esdb.read_stream('stream') as e$$,
    'the result is what was stored'
);
select is_empty(
    'select from appended as a join appended as b on b.number = a.number + 1 where b.position <= a.position',
    'a later event has a higher position'
);
select is_empty(
    'select from appended as a join appended as b on b.number = a.number + 1 where b.timestamp < a.timestamp',
    'and no earlier timestamp'
);
select is_empty(
    'select id from appended where not esdb._is_ulid(id)',
    'ids are ULIDs'
);
select is_empty(
    $$select id from appended where abs(extract(epoch from esdb.ulid_timestamp(id) - timestamp)) > 1$$,
    'their time is the event''s'
);
select is(a.id, 'own id', 'a given id is kept') from esdb.append_event('stream', 'Happened', '{}', id => 'own id') as a;
select is(a.version, 1::bigint, 'the same call works as a select of one value')
from (select (esdb.append_event('other', 'Happened', '{}', 0, 'n', 'm')).version) as a;

select results_eq(
    $$select version, created_at, updated_at, deleted_at from esdb.get_stream_info('stream')$$,
    $$select 4::bigint, min(e.timestamp), max(e.timestamp), null::timestamptz from esdb.read_stream('stream') as e$$,
    'the stream has the version and times of its events'
);

select * from finish();
