-- What append_event() is given arrives in the table unchanged.
select plan(8);

select esdb.append_event(
    aggregate_id => 'note-ÄÖ ''1''',
    event_type => 'Nöte "Written"',
    payload => '{"b": [1, 2.50, null, {"ü": "\u20ac"}], "a": true}',
    expected_version => 0,
    bounded_context => 'n',
    group_context => 's',
    feature_context => 'r',
    action_type => 'inspect',
    aggregate_type => 'Notiz',
    metadata => '{"correlation_id": "c-1", "user_id": 7}',
    id => '4f9d2c57-4d5f-4c6f-8c71-0a7a5a1a7f10',
    schema_version => 32767,
    occurred_at => '1999-12-31 23:59:59.999999+01',
    idempotency_key => 'key'
);

select results_eq(
    $$select
        e.id collate "default", e.aggregate_type collate "default", e.aggregate_id collate "default",
        e.event_type::text collate "default", e.action_type::text
    from esdb.read_stream('note-ÄÖ ''1''') as e$$,
    $$values ('4f9d2c57-4d5f-4c6f-8c71-0a7a5a1a7f10', 'Notiz', 'note-ÄÖ ''1''', 'Nöte "Written"', 'inspect')$$,
    'texts'
);
select results_eq(
    $$select e.bounded_context::text, e.group_context::text, e.feature_context::text
    from esdb.read_stream('note-ÄÖ ''1''') as e$$,
    $$values ('n', 's', 'r')$$,
    'contexts'
);
select results_eq(
    $$select e.payload, e.metadata from esdb.read_stream('note-ÄÖ ''1''') as e$$,
    $$values ('{"b": [1, 2.50, null, {"ü": "€"}], "a": true}'::jsonb, '{"correlation_id": "c-1", "user_id": 7}'::jsonb)$$,
    'payload and metadata'
);
select results_eq(
    $$select e.version::bigint, e.schema_version, e.occurred_at from esdb.read_stream('note-ÄÖ ''1''') as e$$,
    $$values (1::bigint, 32767::smallint, '1999-12-31 22:59:59.999999+00'::timestamptz)$$,
    'schema_version and occurred_at'
);

select lives_ok(
    format(
        $$select esdb.append_event(%L, %L, '{}', 0, 'n', 'm', id => %L, idempotency_key => %L, action_type => 'tencharsxx')$$,
        repeat('ä', 255), repeat('é', 255), repeat('ü', 64), repeat('ö', 255)
    ),
    'the longest texts allowed are taken, counted in characters'
);
select lives_ok(
    $$select esdb.append_event('x', 'y', '{}', 0, 'n', 'm', id => 'i', idempotency_key => 'k', action_type => 'a')$$,
    'the shortest too'
);
select lives_ok(
    $$select esdb.append_event('x', 'y', '{}', schema_version => null, metadata => '{}')$$,
    'an explicit null schema_version is taken'
);
select is(e.schema_version, 1::smallint, 'and means 1') from esdb.read_stream('x', 2) as e;

select * from finish();
