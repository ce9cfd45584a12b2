-- An append whose ids the stream knows returns its first result and writes nothing; anything but the same is refused.
select plan(34);

create function pg_temp.again(events jsonb, expected bigint default null, aggregate_id text default 's')
returns setof esdb.append_result
language sql
as $$select * from esdb.append_events(aggregate_id, events, expected, 'n', 'm')$$;

create temporary table first_result as
select 1 as call, a.* from esdb.append_event('s', 'A', '{"n": 1}', 0, 'n', 'm', id => 'id-1') as a;
insert into first_result
select 2, a.*
from pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"}, {"event_type": "C", "payload": {}, "id": "id-3"}]', 1) as a;

-- the same again
select results_eq(
    format($$select a.* from esdb.append_event('s', 'A', '{"n": 1}', %s, 'n', 'm', id => 'id-1') as a$$, repeated.expected),
    'select id, version, position, timestamp from first_result where call = 1',
    format('append_event again, expected_version %s', repeated.expected)
)
from (
    values
        ('null'),
        ('0'),
        ('1'),
        ('2'),
        ('-1'),
        ('99')
) as repeated (expected);
select results_eq(
    format($$select a.* from pg_temp.again(
        '[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"}, {"event_type": "C", "payload": {}, "id": "id-3"}]', %s) as a$$,
        repeated.expected),
    'select id, version, position, timestamp from first_result where call = 2',
    format('append_events again, expected_version %s', repeated.expected)
)
from (
    values
        ('null'),
        ('0'),
        ('1'),
        ('2'),
        ('-1'),
        ('99')
) as repeated (expected);
select results_eq(
    $$select a.* from esdb.append_event('s', 'A', '{"n": 1.0}', id => 'id-1', metadata => '{"try": 2}', action_type => 'other') as a$$,
    'select id, version, position, timestamp from first_result where call = 1',
    'metadata and what else describes the event may differ'
);
select results_eq(
    $$select a.* from pg_temp.again('[{"event_type": "A", "payload": {"n": 1}, "id": "id-1"}]') as a$$,
    'select id, version, position, timestamp from first_result where call = 1',
    'a single append is repeated as an array of one too'
);
select results_eq(
    $$select a.* from pg_temp.again('[{"event_type": "A", "payload": {"n": 1}, "id": "id-1"},
        {"event_type": "B", "payload": {"n": 2}, "id": "id-2"}, {"event_type": "C", "payload": {}, "id": "id-3"}]') as a$$,
    'select id, version, position, timestamp from first_result order by version',
    'and two calls as one'
);

-- another call with known ids
select refused(other.statement, 'SE006', 'stream s, versions %', other.why)
from (
    values
        ($$select esdb.append_event('s', 'Other', '{"n": 1}', id => 'id-1')$$, 'another type'),
        ($$select esdb.append_event('s', 'A', '{"n": 2}', id => 'id-1')$$, 'another payload'),
        ($$select esdb.append_event('s', 'Other', '{"n": 1}', 0, 'n', 'm', id => 'id-1')$$,
            'another type where expected_version does not fit'),
        ($$select pg_temp.again('[{"event_type": "C", "payload": {}, "id": "id-3"},
            {"event_type": "B", "payload": {"n": 2}, "id": "id-2"}]')$$, 'another order'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"},
            {"event_type": "C", "payload": {}, "id": "id-4"}]')$$, 'one id known, one new'),
        ($$select pg_temp.again('[{"event_type": "C", "payload": {}, "id": "id-4"},
            {"event_type": "B", "payload": {"n": 2}, "id": "id-2"}]')$$, 'one new, one id known'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"},
            {"event_type": "C", "payload": {}}]')$$, 'one id known, one event without'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"},
            {"event_type": "B", "payload": {"n": 2}, "id": "id-2"}]')$$, 'one id known, given twice'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "id": "id-2"},
            {"event_type": "C", "payload": {}, "id": "id-4"}]', 1)$$,
            'one known and one new where expected_version does not fit')
) as other (statement, why);

-- the same id elsewhere in the leaf
select refused(
    $$select esdb.append_event('other', 'A', '{"n": 1}', 0, 'n', 'm', id => 'id-1')$$,
    'SE007', 'id id-1 is version 1 of stream s; given again for stream other', 'another stream in the same leaf, new'
);
select esdb.append_event('other', 'A', '{}', 0, 'n', 'm');
select refused(
    $$select esdb.append_event('other', 'A', '{"n": 1}', id => 'id-1')$$,
    'SE007', 'id id-1 is version 1 of stream s; given again for stream other', 'another stream in the same leaf, existing'
);
select refused(
    $$select pg_temp.again('[{"event_type": "T", "payload": {}, "id": "new"}, {"event_type": "A", "payload": {}, "id": "id-1"}]', 1, 'other')$$,
    'SE007', 'id id-1 is version 1 of stream s; given again for stream other', 'append_events too'
);
select refused(
    $$select pg_temp.again('[{"event_type": "T", "payload": {}, "id": "twice"}, {"event_type": "T", "payload": {}, "id": "twice"}]', 1, 'other')$$,
    'SE007', 'stream other, ids: twice, twice', 'an id twice in one call'
);

-- after a deletion
update esdb.streams set deleted_at = now() where aggregate_id = 's';
select results_eq(
    format($$select a.* from esdb.append_event('s', 'A', '{"n": 1}', %s, 'n', 'm', id => 'id-1') as a$$, repeated.expected),
    'select id, version, position, timestamp from first_result where call = 1',
    format('append_event again after a deletion, expected_version %s', repeated.expected)
)
from (
    values
        ('null'),
        ('0'),
        ('-1')
) as repeated (expected);
select refused(
    $$select esdb.append_event('s', 'Other', '{}', id => 'id-1')$$, 'SE006', '%', 'a deletion makes no other call a repetition'
);

select is((select count(*) from esdb.events), 4::bigint, 'no repetition wrote an event');
select is(esdb.stream_version('s'), 3::bigint, 'or advanced the stream');

select * from finish();
