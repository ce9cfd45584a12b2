-- A call of append_to_streams() that is repeated whole returns its first results; a part of it with something new is
-- refused.
select plan(13);

create function pg_temp.again(first text default '1', second text default '{"event_type": "B", "payload": {}, "id": "b1"}', expected text default '0')
returns table (aggregate_id text, id text, version bigint, "position" bigint, "timestamp" timestamptz)
language sql
as $$
select *
from esdb.append_to_streams(format('[
    {"aggregate_id": "z", "expected_version": %3$s, "bounded_context": "n", "group_context": "m", "idempotency_key": "k",
     "events": [{"event_type": "A", "payload": {"n": %1$s}}, {"event_type": "A", "payload": {}}]},
    {"aggregate_id": "a", "expected_version": %3$s, "bounded_context": "n", "group_context": "m", "events": [%2$s]}
]', first, second, expected)::jsonb)
$$;

create temporary table first_result as select * from pg_temp.again();
select is((select count(*) from first_result), 3::bigint, 'the call wrote its events');

select results_eq('select * from pg_temp.again()', 'select * from first_result', 'again: the first result');
select results_eq($$select * from pg_temp.again(expected => 'null')$$, 'select * from first_result', 'for any version too');
select esdb.append_event('z', 'Later', '{}');
select results_eq('select * from pg_temp.again()', 'select * from first_result', 'after other events too');
select esdb.delete_stream('a');
select results_eq('select * from pg_temp.again()', 'select * from first_result', 'after a delete too');
select is((select count(*) from esdb.events), 5::bigint, 'nothing was written again');

select refused($$select * from pg_temp.again('2')$$, 'SE006', 'stream z, versions 1 to 2', 'another payload');
select refused(
    $$select * from pg_temp.again(second => '{"event_type": "C", "payload": {}, "id": "b1"}')$$,
    'SE006', 'stream a, versions 1 to 1', 'another type'
);
select esdb.restore_stream('a');
select refused(
    $$select * from pg_temp.again(second => '{"event_type": "B", "payload": {}, "id": "b2"}', expected => 'null')$$,
    'SE006', '1 of 2 are known, z among them', 'one append known, another new'
);
select refused(
    $$select * from pg_temp.again(second => '{"event_type": "B", "payload": {}}', expected => 'null')$$,
    'SE006', '1 of 2 are known, z among them', 'one append known, another without id or key'
);
select refused(
    $$select * from pg_temp.again(second => '{"event_type": "B", "payload": {}}')$$,
    'SE001', '{"actual": 3, "expected": 0, "aggregate_id": "a"}', 'an expected version tells that it is no repetition'
);
select is((select count(*) from esdb.events), 6::bigint, 'nothing was written');

select results_eq(
    $$select a.version from esdb.append_to_streams('[
        {"aggregate_id": "z", "events": [{"event_type": "N", "payload": {}}], "idempotency_key": "k2"},
        {"aggregate_id": "a", "events": [{"event_type": "N", "payload": {}, "id": "n"}]}]') as a$$,
    'values (4::bigint), (4)',
    'new keys and ids are new events'
);

select * from finish();
