-- append_to_streams() writes to several streams at once, each with the arguments append_events() has.
select plan(14);

create temporary table result as
select row_number() over () as row, a.*
from esdb.append_to_streams($$[
    {
        "aggregate_id": "z", "expected_version": 0, "bounded_context": "n", "group_context": "m", "aggregate_type": "page",
        "events": [
            {"event_type": "A", "payload": {"n": 1}, "id": "z1", "metadata": {"own": 1, "both": 1}},
            {"event_type": "B", "payload": {"n": 2}, "feature_context": "r"}
        ],
        "metadata": {"call": 2, "both": 2}
    },
    {
        "aggregate_id": "a", "bounded_context": "b", "group_context": "s", "feature_context": "d", "action_type": "purge",
        "events": [{"event_type": "C", "payload": {}}]
    },
    {"aggregate_id": "m", "bounded_context": "nt", "group_context": "c", "metadata": null, "events": [{"event_type": "D", "payload": {}}]}
]$$) as a;

select results_eq(
    'select aggregate_id, version from result order by row',
    $$values ('z', 1::bigint), ('z', 2), ('a', 1), ('m', 1)$$,
    'one row an event, in the order of the call'
);
select results_eq(
    'select row from result order by position', 'select row from result order by row', 'positions are in the order of the call'
);
select is((select id from result where row = 1), 'z1', 'an id given is kept');
select is((select count(*) from result where esdb.ulid_timestamp(id) is not null and row > 1), 3::bigint, 'others are made');
select results_eq(
    'select e.id, e.version::bigint, e.position, e.timestamp from esdb.events as e order by e.position',
    'select r.id collate "C", r.version, r.position, r.timestamp from result as r order by r.row',
    'the result is what is stored'
);
select results_eq(
    $$select e.aggregate_id collate "default", e.bounded_context::text, e.group_context::text, e.feature_context::text,
        e.action_type::text, e.aggregate_type collate "default", e.event_type::text collate "default"
      from esdb.events as e order by e.position$$,
    $$values ('z', 'n', 'm', 'c', 'create', 'page', 'A'), ('z', 'n', 'm', 'r', 'read', 'page', 'B'),
        ('a', 'b', 's', 'd', 'purge', 'bookmark', 'C'), ('m', 'nt', 'c', 'c', 'create', 'nt', 'D')$$,
    'contexts, feature, action and type are as append_events() has them'
);
select results_eq(
    'select e.metadata from esdb.events as e order by e.position',
    $$values ('{"own": 1, "both": 1, "call": 2}'::jsonb), ('{"call": 2, "both": 2}'), (null), (null)$$,
    'an append''s metadata lies under its events'' own'
);
select is((select count(distinct e.timestamp) from esdb.events as e where e.aggregate_id = 'z'), 1::bigint, 'a stream''s events share a time');
select results_eq(
    'select s.aggregate_id collate "default", s.version::bigint from esdb.streams as s order by 1',
    $$values ('a', 1::bigint), ('m', 1), ('z', 2)$$,
    'the streams stand where their events end'
);

select results_eq(
    $$select a.aggregate_id, a.version from esdb.append_to_streams('[
        {"aggregate_id": "z", "expected_version": 2, "events": [{"event_type": "E", "payload": {}}]},
        {"aggregate_id": "a", "expected_version": -1, "events": [{"event_type": "F", "payload": {}}]},
        {"aggregate_id": "new", "expected_version": null, "bounded_context": "n", "group_context": "m",
         "events": [{"event_type": "G", "payload": {}}]}]') as a$$,
    $$values ('z', 3::bigint), ('a', 2), ('new', 1)$$,
    'each stream has an expected version of its own'
);
select refused(
    $$select * from esdb.append_to_streams('[
        {"aggregate_id": "a", "events": [{"event_type": "E", "payload": {}}], "idempotency_key": "undone"},
        {"aggregate_id": "untold", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "E", "payload": {}}]},
        {"aggregate_id": "z", "expected_version": 2, "events": [{"event_type": "E", "payload": {}}]}]')$$,
    'SE001', '{"actual": 3, "expected": 2, "aggregate_id": "z"}', 'a conflict names its stream'
);
select results_eq(
    'select s.aggregate_id collate "default", s.version::bigint from esdb.streams as s order by 1',
    $$values ('a', 2::bigint), ('m', 1), ('new', 1), ('z', 3)$$,
    'and undoes all'
);
select is_empty('select from esdb.idempotency_keys', 'the keys too');
select results_eq(
    $$select count(*), count(distinct a.position), max(a.version) from esdb.append_to_streams((
        select jsonb_agg(jsonb_build_object(
            'aggregate_id', 'many-' || n, 'bounded_context', 'n', 'group_context', 'm',
            'events', '[{"event_type": "T", "payload": {}}]'::jsonb))
        from generate_series(1, 10000) as n)) as a$$,
    'values (10000::bigint, 10000::bigint, 1::bigint)',
    '10,000 streams in a call'
);

select * from finish();
