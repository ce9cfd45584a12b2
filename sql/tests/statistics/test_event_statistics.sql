-- esdb.event_statistics equals a count of the events, as of its last refresh.
select plan(13);

create view pg_temp.counted as
select e.bounded_context, e.group_context, e.event_type, count(*), min(e.timestamp), max(e.timestamp)
from esdb.events as e
group by e.bounded_context, e.group_context, e.event_type;

select is_empty('select * from esdb.event_statistics', 'a new store has none');
select is(esdb._statistics_refreshed(), null, 'they were never refreshed');
select lives_ok('select esdb.refresh_event_statistics()', 'a refresh of nothing works');
select ok(
    esdb._statistics_refreshed() between now() - interval '1 minute' and clock_timestamp(), 'and the time of it is noted'
);
create temporary table noted as select esdb._statistics_refreshed() as at;

select esdb.append_event('a', 'Made', '{}', 0, 'n', 'm');
select count(*) from esdb.append_events('a', '[{"event_type": "Changed", "payload": {}}, {"event_type": "Changed", "payload": {}}]');
select esdb.append_event('a', 'Changed', '{}', group_context => 'c');
select esdb.append_event('b', 'Made', '{}', 0, 'nt', 'm');
select is_empty('select * from esdb.event_statistics', 'before a refresh they are as they were');
select esdb.refresh_event_statistics();
select set_eq('select * from esdb.event_statistics', 'select * from pg_temp.counted', 'after it they equal a count');
select is(sum(event_count), 5::numeric, 'of all events') from esdb.event_statistics;

select esdb.append_event('b', 'Changed', '{}');
select esdb.append_event('a', 'Made', '{}');
select esdb.refresh_event_statistics();
select set_eq('select * from esdb.event_statistics', 'select * from pg_temp.counted', 'the next refresh brings what came since');
select ok(esdb._statistics_refreshed() > n.at, 'and is the one noted') from noted as n;

select has_index(
    'esdb', 'event_statistics', 'event_statistics_key', array['bounded_context', 'group_context', 'event_type'],
    'a key lets a refresh run beside readers'
);
select index_is_unique('esdb', 'event_statistics', 'event_statistics_key', 'and is unique');
select ok(
    obj_description('esdb.event_statistics'::regclass, 'pg_class') ~ 'A query costs.*Worry',
    'the comment tells what it costs and when to worry'
);
begin;
select esdb.refresh_event_statistics();
select is_empty(
    $$select l.mode from pg_locks as l
    where l.pid = pg_backend_pid() and l.relation = 'esdb.event_statistics'::regclass and l.mode = 'AccessExclusiveLock'$$,
    'a refresh does not lock readers out'
);
commit;

select * from finish();
