-- append_to_streams() writes to several streams at once, each with the arguments append_events() has.
select plan(20);

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

-- without a caller's ids all events are written by one statement
create temporary table plain as
select row_number() over () as row, a.*
from esdb.append_to_streams($$[
    {
        "aggregate_id": "pz", "expected_version": 0, "bounded_context": "n", "group_context": "m", "aggregate_type": "page",
        "events": [
            {"event_type": "A", "payload": {"n": 1}, "id": null, "metadata": {"own": 1, "both": 1}},
            {"event_type": "B", "payload": {"n": 2}, "feature_context": "r"}
        ],
        "metadata": {"call": 2, "both": 2}, "idempotency_key": "k"
    },
    {
        "aggregate_id": "pa", "bounded_context": "b", "group_context": "s", "feature_context": "d", "action_type": "purge",
        "events": [{"event_type": "C", "payload": {}}, {"event_type": "C", "payload": {}}]
    },
    {"aggregate_id": "m", "expected_version": 1, "events": [{"event_type": "D", "payload": {}}]}
]$$) as a;
select results_eq(
    'select aggregate_id, version from plain order by row',
    $$values ('pz', 1::bigint), ('pz', 2), ('pa', 1), ('pa', 2), ('m', 2)$$,
    'without ids: one row an event, in the order of the call'
);
select results_eq(
    'select row from plain order by position', 'select row from plain order by row', 'positions are in the order of the call'
);
select is(
    (select count(distinct p.id) from plain as p where esdb.ulid_timestamp(p.id) = date_trunc('milliseconds', p.timestamp)),
    5::bigint,
    'each has an id of its own, of its stream''s time'
);
select results_eq(
    'select p.id from plain as p where p.aggregate_id = $$pz$$ order by p.id collate "C"',
    'select p.id from plain as p where p.aggregate_id = $$pz$$ order by p.version',
    'ids of a stream sort as its events do'
);
select results_eq(
    $$select e.aggregate_id collate "default", e.bounded_context::text, e.group_context::text, e.feature_context::text,
        e.action_type::text, e.aggregate_type collate "default", e.event_type::text collate "default", e.metadata
      from esdb.events as e join plain as p on p.position = e.position order by e.position$$,
    $$values ('pz', 'n', 'm', 'c', 'create', 'page', 'A', '{"own": 1, "both": 1, "call": 2}'::jsonb),
        ('pz', 'n', 'm', 'r', 'read', 'page', 'B', '{"call": 2, "both": 2}'),
        ('pa', 'b', 's', 'd', 'purge', 'bookmark', 'C', null), ('pa', 'b', 's', 'd', 'purge', 'bookmark', 'C', null),
        ('m', 'nt', 'c', 'u', 'update', 'nt', 'D', null)$$,
    'each append has its own arguments'
);
select results_eq(
    'select k.aggregate_id collate "default", k.key collate "default", k.first_version::bigint, k.event_count from esdb.idempotency_keys as k',
    $$values ('pz', 'k', 1::bigint, 2)$$,
    'its key is remembered with its versions'
);

select * from finish();
