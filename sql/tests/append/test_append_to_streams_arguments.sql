-- append_to_streams() refuses what is wrong with a call before it writes anything; DETAIL names the place.
select plan(36);

select refused(format('select * from esdb.append_to_streams(%L::jsonb)', wrong.appends), 'SE009', wrong.detail, wrong.detail)
from (
    values
        (null, 'appends: null'),
        ('null', 'appends: a JSON null'),
        ('{}', 'appends: a JSON object'),
        ('[]', 'appends: 0 appends'),
        ('[1]', 'appends: append 1: a JSON number'),
        ('[null]', 'appends: append 1: a JSON null'),
        ('[{"aggregate_id": "a", "events": [{"event_type": "T", "payload": {}}]}, []]', 'appends: append 2: a JSON array'),
        ('[{"aggregate_id": "a", "event": []}]', 'appends: append 1: unknown key event'),
        ('[{"events": [{"event_type": "T", "payload": {}}]}]', 'aggregate_id: append 1: null'),
        ('[{"aggregate_id": null, "events": [{"event_type": "T", "payload": {}}]}]', 'aggregate_id: append 1: null'),
        ('[{"aggregate_id": "", "events": [{"event_type": "T", "payload": {}}]}]', 'aggregate_id: append 1: 0 characters'),
        ('[{"aggregate_id": 7, "events": [{"event_type": "T", "payload": {}}]}]', 'aggregate_id: append 1: a JSON number'),
        ('[{"aggregate_id": "a"}]', 'events: append 1: null'),
        ('[{"aggregate_id": "a", "events": null}]', 'events: append 1: null'),
        ('[{"aggregate_id": "a", "events": {}}]', 'events: append 1: a JSON object'),
        ('[{"aggregate_id": "a", "events": []}]', 'events: append 1: 0 events'),
        ('[{"aggregate_id": "a", "events": [{"event_type": "T", "payload": 1}]}]', 'payload: append 1: event 1: is a JSON number, not object'),
        ('[{"aggregate_id": "a", "events": [{"event_type": "T", "payload": {}, "x": 1}]}]', 'events: append 1: event 1: unknown key x'),
        ('[{"aggregate_id": "a", "expected_version": "1", "events": [{"event_type": "T", "payload": {}}]}]', 'expected_version: append 1: a JSON string'),
        ('[{"aggregate_id": "a", "expected_version": 1.5, "events": [{"event_type": "T", "payload": {}}]}]', 'expected_version: append 1: no whole number'),
        ('[{"aggregate_id": "a", "expected_version": 1e30, "events": [{"event_type": "T", "payload": {}}]}]', 'expected_version: append 1: no whole number'),
        ('[{"aggregate_id": "a", "expected_version": -2, "events": [{"event_type": "T", "payload": {}}]}]', 'expected_version: append 1: -2'),
        ('[{"aggregate_id": "a", "metadata": [], "events": [{"event_type": "T", "payload": {}}]}]', 'metadata: append 1: a JSON array'),
        ('[{"aggregate_id": "a", "action_type": "12345678901", "events": [{"event_type": "T", "payload": {}}]}]', 'action_type: append 1: 11 characters'),
        ('[{"aggregate_id": "a", "aggregate_type": "", "events": [{"event_type": "T", "payload": {}}]}]', 'aggregate_type: append 1: 0 characters'),
        ('[{"aggregate_id": "a", "idempotency_key": "", "events": [{"event_type": "T", "payload": {}}]}]', 'idempotency_key: append 1: 0 characters'),
        (
            '[{"aggregate_id": "a", "events": [{"event_type": "T", "payload": {}}]},
              {"aggregate_id": "b", "events": [{"event_type": "T", "payload": {}}]},
              {"aggregate_id": "a", "events": [{"event_type": "T", "payload": {}}]}]',
            'appends: stream a stands in the appends 1, 3'
        )
) as wrong (appends, detail);
select refused(
    $$select * from esdb.append_to_streams('[
        {"aggregate_id": "a", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "T", "payload": {}}]},
        {"aggregate_id": "b", "bounded_context": "n", "group_context": "m",
         "events": [{"event_type": "T", "payload": {}, "feature_context": "x"}]}]')$$,
    'SE005', 'append 2: registered: c, d, r, u', 'a feature that is not registered'
);
select refused(
    $$select * from esdb.append_to_streams('[
        {"aggregate_id": "a", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "T", "payload": {}}]},
        {"aggregate_id": "b", "bounded_context": "zz", "group_context": "m", "events": [{"event_type": "T", "payload": {}}]}]')$$,
    'SE005', 'append 2: registered: b, c, e, n, nt, p, r, s, t', 'a context that is not registered'
);
select refused(
    $$select * from esdb.append_to_streams(jsonb_build_array(jsonb_build_object('aggregate_id', 'a',
        'events', jsonb_build_array(jsonb_build_object('event_type', 'T', 'payload', jsonb_build_object('x', repeat('x', 1048577)))))))$$,
    'SE010', 'append 1: event 1: 1048586 bytes of JSON text; max_payload_bytes is 1048576', 'a payload too large'
);
select refused(
    $$select * from esdb.append_to_streams((
        select jsonb_agg(jsonb_build_object('aggregate_id', 'a' || n, 'events', (
            select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 5001))))
        from generate_series(1, 2) as n))$$,
    'SE009', 'appends: 10002 events', '10,000 events are a call''s most'
);
select refused(
    $$select * from esdb.append_to_streams((select jsonb_agg('{}'::jsonb) from generate_series(1, 10001)))$$,
    'SE009', 'appends: 10001 appends', 'so are 10,000 appends'
);
select refused(
    $$select * from esdb.append_to_streams('[
        {"aggregate_id": "a", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "T", "payload": {}}]},
        {"aggregate_id": "b", "events": [{"event_type": "T", "payload": {}}]}]')$$,
    'SE005', 'append 2: neither bounded_context nor aggregate_type was given', 'a new stream without a context'
);
select refused(
    $$select * from esdb.append_to_streams('[
        {"aggregate_id": "a", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "T", "payload": {}}]},
        {"aggregate_id": "b", "expected_version": -1, "group_context": "z", "events": [{"event_type": "T", "payload": {}}]}]')$$,
    'SE005', 'append 2: registered: c, m, s', 'a group that is not registered'
);
select is_empty('select from esdb.streams', 'nothing was written');
select is(pg_sequence_last_value('esdb.event_position'), null, 'and no position drawn');

select * from finish();
