-- A stream's first event in a new month is noted in stream_months and in its row; further events are not.
select plan(10);

-- a stream of last month, as its appends left it
create temporary table last_month as
select esdb._utc_month(clock_timestamp(), -1) + interval '10 days' as at;
insert into esdb.events
    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
     version, timestamp, payload)
select nextval('esdb.event_position'), s.id || v, 'n', 'm', 'c', 'create', 'note', s.id, 'Old', v, l.at, '{}'
from last_month as l
cross join unnest(array['one', 'many']) as s (id)
cross join generate_series(1, 2) as v;
insert into esdb.streams
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
select s.id, 'note', 'n', 'm', 2, 1, l.at, l.at
from last_month as l
cross join unnest(array['one', 'many']) as s (id);

select is(a.version, 3::bigint, 'append_event continues a stream of last month')
from esdb.append_event('one', 'New', '{}') as a;
select results_eq(
    $$select aggregate_id collate "default", month, first_version::bigint from esdb.stream_months$$,
    $$select 'one', esdb._utc_month(updated_at), 3::bigint from esdb.streams where aggregate_id = 'one'$$,
    'and notes the month, in UTC, with its first version'
);
select is(month_version::bigint, 3::bigint, 'so does the stream''s row') from esdb.streams where aggregate_id = 'one';
select esdb.append_event('one', 'New', '{}', 3);
select is(month_version::bigint, 3::bigint, 'the next event leaves it') from esdb.streams where aggregate_id = 'one';
select is((select count(*) from esdb.stream_months), 1::bigint, 'and notes nothing');

select results_eq(
    $$select a.version from esdb.append_events('many', '[{"event_type": "New", "payload": {}}, {"event_type": "New", "payload": {}}]') as a$$,
    'values (3::bigint), (4)', 'append_events continues a stream of last month'
);
select results_eq(
    $$select month, first_version::bigint from esdb.stream_months where aggregate_id = 'many'$$,
    $$select esdb._utc_month(updated_at), 3::bigint from esdb.streams where aggregate_id = 'many'$$,
    'and notes the month with its first version'
);
select count(*) from esdb.append_events('many', '[{"event_type": "New", "payload": {}}]');
select is(month_version::bigint, 3::bigint, 'later events leave it') from esdb.streams where aggregate_id = 'many';
select esdb.append_event('fresh', 'New', '{}', 0, 'n', 'm');
select is((select count(*) from esdb.stream_months), 2::bigint, 'a new stream notes nothing');

select results_eq(
    $$select e.version::bigint, e.event_type::text collate "default" from esdb.read_stream('one') as e$$,
    $$values (1::bigint, 'Old'), (2, 'Old'), (3, 'New'), (4, 'New')$$,
    'the reader finds both months'
);
select * from finish();
