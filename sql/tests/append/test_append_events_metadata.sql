-- The metadata of an append_events() call lies under each event's own.
select plan(2);

select count(*) from esdb.append_events('s', '[
    {"event_type": "T", "payload": {}},
    {"event_type": "T", "payload": {}, "metadata": {}},
    {"event_type": "T", "payload": {}, "metadata": {"b": 20, "c": 30}},
    {"event_type": "T", "payload": {}, "metadata": {"a": null}},
    {"event_type": "T", "payload": {}, "metadata": {"a": {"y": 2}}}
]', 0, 'n', 'm', metadata => '{"a": {"x": 1}, "b": 2}');
select results_eq(
    $$select e.version::bigint, e.metadata from esdb.read_stream('s') as e$$,
    $$values
        (1::bigint, '{"a": {"x": 1}, "b": 2}'::jsonb),
        (2, '{"a": {"x": 1}, "b": 2}'),
        (3, '{"a": {"x": 1}, "b": 20, "c": 30}'),
        (4, '{"a": null, "b": 2}'),
        (5, '{"a": {"y": 2}, "b": 2}')$$,
    'key by key, the event''s own wins; values are not merged into one another'
);

select count(*) from esdb.append_events('s', '[
    {"event_type": "T", "payload": {}},
    {"event_type": "T", "payload": {}, "metadata": {"a": 1}}
]');
select results_eq(
    $$select e.version::bigint, e.metadata from esdb.read_stream('s', 6) as e$$,
    $$values (6::bigint, null::jsonb), (7, '{"a": 1}')$$,
    'without any of the call''s an event has its own or none'
);

select * from finish();
