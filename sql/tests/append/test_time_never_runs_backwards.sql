-- Inside a stream time never runs backwards: when the clock is behind the stream's newest event, it is that event's.
select plan(8);

create temporary table appended as
select 1 as call, a.* from esdb.append_event('s', 'T', '{}', 0, 'n', 'm') as a;
-- as a clock that has stepped back by an hour since leaves it
update esdb.streams set updated_at = updated_at + interval '1 hour' where aggregate_id = 's';
insert into appended select 2, a.* from esdb.append_event('s', 'T', '{}') as a;
insert into appended select 3, a.* from esdb.append_event('s', 'T', '{}', 2) as a;
insert into appended
select 4, a.* from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}}]') as a;

select is(a.timestamp, f.timestamp + interval '1 hour', format('version %s has the time of the stream, not the clock''s', a.version))
from appended as a, appended as f
where a.call > 1 and f.call = 1
order by a.version;
select results_eq(
    $$select updated_at from esdb.get_stream_info('s')$$, 'select max(timestamp) from appended', 'and the stream keeps it'
);
select is(esdb.ulid_timestamp(a.id) < a.timestamp - interval '30 minutes', true, 'ids are of the clock')
from appended as a where a.call = 2;
select results_eq(
    $$select e.id collate "default" from esdb.get_event((select id from appended where call = 2)) as e$$,
    'select id collate "default" from appended where call = 2',
    'such an event is found by its id'
);
select is(a.timestamp between now() - interval '1 minute' and clock_timestamp(), true, 'other streams are of the clock')
from esdb.append_event('other', 'T', '{}', 0, 'n', 'm') as a;

select * from finish();
