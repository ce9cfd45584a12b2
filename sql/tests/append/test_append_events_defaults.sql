-- What append_events() fills in: the event's own key first, then the call's argument, then the stream's or the default.
select plan(5);

insert into esdb.aggregate_types (aggregate_type, bounded_context, group_context)
values ('folder', 'b', 's');

select count(*) from esdb.append_events('s', '[
    {"event_type": "A", "payload": {}},
    {"event_type": "B", "payload": {}},
    {"event_type": "C", "payload": {}, "feature_context": "d"},
    {"event_type": "D", "payload": {}, "feature_context": "d", "action_type": "purge"},
    {"event_type": "E", "payload": {}, "action_type": "touch"},
    {"event_type": "F", "payload": {}, "group_context": "c"}
]', aggregate_type => 'folder');
select results_eq(
    $$select
        e.event_type::text collate "default", e.bounded_context::text, e.group_context::text, e.feature_context::text,
        e.action_type::text, e.aggregate_type collate "default"
    from esdb.read_stream('s') as e$$,
    $$values
        ('A', 'b', 's', 'c', 'create', 'folder'),
        ('B', 'b', 's', 'u', 'update', 'folder'),
        ('C', 'b', 's', 'd', 'delete', 'folder'),
        ('D', 'b', 's', 'd', 'purge', 'folder'),
        ('E', 'b', 's', 'u', 'touch', 'folder'),
        ('F', 'b', 'c', 'u', 'update', 'folder')$$,
    'a new stream: contexts of its type, c for the first event alone, each event''s own keys'
);

select count(*) from esdb.append_events('s', '[
    {"event_type": "G", "payload": {}},
    {"event_type": "H", "payload": {}, "feature_context": "c"},
    {"event_type": "I", "payload": {}, "action_type": "own"},
    {"event_type": "J", "payload": {}, "group_context": "s"}
]', feature_context => 'r', group_context => 'm');
select results_eq(
    $$select e.event_type::text collate "default", e.group_context::text, e.feature_context::text, e.action_type::text
    from esdb.read_stream('s', 7) as e$$,
    $$values ('G', 'm', 'r', 'read'), ('H', 'm', 'c', 'create'), ('I', 'm', 'r', 'own'), ('J', 's', 'r', 'read')$$,
    'the call''s group and feature lie under each event''s own'
);

select count(*) from esdb.append_events('s', '[
    {"event_type": "K", "payload": {}},
    {"event_type": "L", "payload": {}, "action_type": "own"}
]', action_type => 'calls');
select results_eq(
    $$select e.group_context::text, e.feature_context::text, e.action_type::text from esdb.read_stream('s', 11) as e$$,
    $$values ('s', 'u', 'calls'), ('s', 'u', 'own')$$,
    'the call''s action type lies under each event''s own; the stream''s group is as it began'
);

select count(*) from esdb.append_events('s', '[{
    "event_type": "M", "payload": {}, "id": null, "metadata": null, "group_context": null, "feature_context": null,
    "action_type": null, "schema_version": null, "occurred_at": null
}]');
select results_eq(
    $$select
        e.group_context::text, e.feature_context::text, e.action_type::text, e.schema_version, e.metadata, e.occurred_at,
        esdb._is_ulid(e.id)
    from esdb.read_stream('s', 13) as e$$,
    $$values ('s', 'u', 'update', 1::smallint, null::jsonb, null::timestamptz, true)$$,
    'a JSON null is as good as a key left out'
);

select count(*) from esdb.append_events('s', '[{"event_type": "N", "payload": {}, "id": "id-n", "schema_version": 32767,
    "occurred_at": "1999-12-31T23:59:59.999999+01:00"}]');
select results_eq(
    $$select e.id collate "default", e.schema_version, e.occurred_at from esdb.read_stream('s', 14) as e$$,
    $$values ('id-n', 32767::smallint, '1999-12-31 22:59:59.999999+00'::timestamptz)$$,
    'id, schema_version and occurred_at arrive'
);

select * from finish();
