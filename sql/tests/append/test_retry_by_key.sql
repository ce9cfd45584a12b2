-- An append whose idempotency_key the stream knows returns its first result; with other events it is refused.
select plan(21);

create function pg_temp.again(events jsonb, key text default 'many', aggregate_id text default 's', expected bigint default null)
returns setof esdb.append_result
language sql
as $$select * from esdb.append_events(aggregate_id, events, expected, 'n', 'm', idempotency_key => key)$$;

create temporary table first_result as
select 1 as call, a.* from esdb.append_event('s', 'A', '{"n": 1}', 0, 'n', 'm', idempotency_key => 'one') as a;
insert into first_result
select 2, a.* from pg_temp.again('[{"event_type": "B", "payload": {"n": 2}}, {"event_type": "C", "payload": {}}]') as a;
select esdb.append_event('s', 'Later', '{}');

select results_eq(
    'select aggregate_id collate "default", key collate "default", first_version::bigint, event_count from esdb.idempotency_keys',
    $$values ('s', 'one', 1::bigint, 1), ('s', 'many', 2, 2)$$,
    'each key is remembered with its versions'
);
select results_eq(
    format($$select a.* from esdb.append_event('s', 'A', '{"n": 1}', %s, 'n', 'm', idempotency_key => 'one') as a$$, repeated.expected),
    'select id, version, position, timestamp from first_result where call = 1',
    format('append_event again, expected_version %s', repeated.expected)
)
from (
    values
        ('null'),
        ('0'),
        ('4'),
        ('-1'),
        ('99')
) as repeated (expected);
select results_eq(
    $$select a.* from pg_temp.again('[{"event_type": "B", "payload": {"n": 2}, "metadata": {"try": 2}}, {"event_type": "C", "payload": {}}]') as a$$,
    'select id, version, position, timestamp from first_result where call = 2',
    'append_events again, metadata may differ'
);
select results_eq(
    $$select a.* from pg_temp.again('[{"event_type": "A", "payload": {"n": 1}}]', 'one') as a$$,
    'select id, version, position, timestamp from first_result where call = 1',
    'a single append is repeated as an array of one too'
);

select refused(other.statement, 'SE006', other.detail, other.why)
from (
    values
        ($$select esdb.append_event('s', 'Other', '{"n": 1}', idempotency_key => 'one')$$, 'stream s, versions 1 to 1', 'another type'),
        ($$select esdb.append_event('s', 'A', '{}', idempotency_key => 'one')$$, 'stream s, versions 1 to 1', 'another payload'),
        ($$select esdb.append_event('s', 'A', '{"n": 1}', id => 'other', idempotency_key => 'one')$$, 'stream s, versions 1 to 1', 'another id'),
        ($$select pg_temp.again('[{"event_type": "C", "payload": {}}, {"event_type": "B", "payload": {"n": 2}}]')$$, 'stream s, versions 2 to 3', 'another order'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}}]')$$, 'stream s, versions 2 to 3', 'fewer events'),
        ($$select pg_temp.again('[{"event_type": "B", "payload": {"n": 2}}, {"event_type": "C", "payload": {}},
            {"event_type": "Later", "payload": {}}]')$$, 'stream s, versions 2 to 3', 'more events'),
        ($$select pg_temp.again('[{"event_type": "Other", "payload": {}}]', 'one', expected => 4)$$, 'stream s, versions 1 to 1',
            'other events where expected_version fits')
) as other (statement, detail, why);

select is(a.version, 1::bigint, 'another stream may use the same key')
from pg_temp.again('[{"event_type": "A", "payload": {}}]', 'one', 'other') as a;
select is(a.version, 5::bigint, 'another key with the same events is another append')
from esdb.append_event('s', 'A', '{"n": 1}', idempotency_key => 'two') as a;
select is(a.version, 6::bigint, 'keys are distinguished to the letter')
from esdb.append_event('s', 'A', '{"n": 1}', idempotency_key => 'TWO') as a;

update esdb.streams set deleted_at = now() where aggregate_id = 's';
select results_eq(
    $$select a.* from esdb.append_event('s', 'A', '{"n": 1}', idempotency_key => 'one') as a$$,
    'select id, version, position, timestamp from first_result where call = 1',
    'append_event again after a deletion'
);
select results_eq(
    $$select a.* from pg_temp.again('[{"event_type": "B", "payload": {"n": 2}}, {"event_type": "C", "payload": {}}]') as a$$,
    'select id, version, position, timestamp from first_result where call = 2',
    'append_events again after a deletion'
);
select is((select count(*) from esdb.events), 7::bigint, 'no repetition wrote an event');

select * from finish();
