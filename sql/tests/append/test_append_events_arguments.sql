-- append_events() refuses each wrong argument and each wrong key of an event, naming it and the event's place.
select plan(80);

select refused(
    format($$select * from esdb.append_events('s', %s, 0, 'n', 'm')$$, bad.events),
    'SE009', bad.detail, format('events: %s', bad.why)
)
from (
    values
        ('null', 'events: null', 'null'),
        ('''null''', 'events: a JSON null', 'JSON null'),
        ('''{"event_type": "T", "payload": {}}''', 'events: a JSON object', 'an object in place of the array'),
        ('''"text"''', 'events: a JSON string', 'a string'),
        ('''[]''', 'events: 0 events', 'none'),
        ('(select jsonb_agg(''{"event_type": "T", "payload": {}}''::jsonb) from generate_series(1, 10001))',
            'events: 10001 events', '10,001'),
        ('''[null]''', 'events: event 1: a JSON null', 'a null among them'),
        ('''[[]]''', 'events: event 1: a JSON array', 'an array among them'),
        ('''[{"event_type": "T", "payload": {}}, 1]''', 'events: event 2: a JSON number', 'a number among them'),
        ('''[{}]''', '%event 1: is missing', 'an empty object')
) as bad (events, detail, why);

select refused(
    format(
        $$select * from esdb.append_events('s', %L, 0, 'n', 'm')$$,
        jsonb_build_array('{"event_type": "T", "payload": {}}'::jsonb,
            '{"event_type": "T", "payload": {}}'::jsonb || jsonb_build_object(bad.key, bad.value::jsonb))
    ),
    bad.code, bad.detail, format('%s: %s', bad.key, left(bad.value, 30))
)
from (
    values
        ('recorded_by', '"root"', 'SE009', 'events: event 2: unknown key recorded_by'),
        ('timestamp', '"2026-01-01"', 'SE009', 'events: event 2: unknown key timestamp'),
        ('version', '1', 'SE009', 'events: event 2: unknown key version'),
        ('position', '1', 'SE009', 'events: event 2: unknown key position'),
        ('bounded_context', '"b"', 'SE009', 'events: event 2: unknown key bounded_context'),
        ('Event_type', '"T"', 'SE009', 'events: event 2: unknown key Event_type'),
        ('', '"T"', 'SE009', 'events: event 2: unknown key '),
        ('event_type', 'null', 'SE009', 'event_type: event 2: is missing'),
        ('event_type', '""', 'SE009', 'event_type: event 2: has 0 characters'),
        ('event_type', to_jsonb(repeat('ä', 256))::text, 'SE009', 'event_type: event 2: has 256 characters'),
        ('event_type', '1', 'SE009', 'event_type: event 2: is a JSON number, not string'),
        ('event_type', '["T"]', 'SE009', 'event_type: event 2: is a JSON array, not string'),
        ('event_type', '{}', 'SE009', 'event_type: event 2: is a JSON object, not string'),
        ('event_type', 'true', 'SE009', 'event_type: event 2: is a JSON boolean, not string'),
        ('payload', 'null', 'SE009', 'payload: event 2: is missing'),
        ('payload', '[]', 'SE009', 'payload: event 2: is a JSON array, not object'),
        ('payload', '"text"', 'SE009', 'payload: event 2: is a JSON string, not object'),
        ('payload', '1', 'SE009', 'payload: event 2: is a JSON number, not object'),
        ('payload', 'false', 'SE009', 'payload: event 2: is a JSON boolean, not object'),
        ('id', '""', 'SE009', 'id: event 2: has 0 characters'),
        ('id', to_jsonb(repeat('ä', 65))::text, 'SE009', 'id: event 2: has 65 characters'),
        ('id', '1', 'SE009', 'id: event 2: is a JSON number, not string'),
        ('id', '{}', 'SE009', 'id: event 2: is a JSON object, not string'),
        ('metadata', '[]', 'SE009', 'metadata: event 2: is a JSON array, not object'),
        ('metadata', '"text"', 'SE009', 'metadata: event 2: is a JSON string, not object'),
        ('metadata', '1', 'SE009', 'metadata: event 2: is a JSON number, not object'),
        ('metadata', 'true', 'SE009', 'metadata: event 2: is a JSON boolean, not object'),
        ('group_context', '1', 'SE009', 'group_context: event 2: is a JSON number, not string'),
        ('group_context', '"x"', 'SE005', 'registered: c, m, s'),
        ('group_context', '""', 'SE005', 'registered: c, m, s'),
        ('feature_context', '1', 'SE009', 'feature_context: event 2: is a JSON number, not string'),
        ('feature_context', '"x"', 'SE005', 'registered: c, d, r, u'),
        ('feature_context', '""', 'SE005', 'registered: c, d, r, u'),
        ('action_type', '1', 'SE009', 'action_type: event 2: is a JSON number, not string'),
        ('action_type', '""', 'SE009', 'action_type: event 2: has 0 characters'),
        ('action_type', '"elevenchars"', 'SE009', 'action_type: event 2: has 11 characters'),
        ('schema_version', '"1"', 'SE009', 'schema_version: event 2: is a JSON string, not number'),
        ('schema_version', '0', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '-1', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '32768', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '99999', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '100000', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '1e30', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', '1.5', 'SE009', 'schema_version: event 2: %'),
        ('schema_version', 'true', 'SE009', 'schema_version: event 2: is a JSON boolean, not number'),
        ('occurred_at', '1', 'SE009', 'occurred_at: event 2: is a JSON number, not string'),
        ('occurred_at', '""', 'SE009', 'occurred_at: event 2: is no time of the years 1 to 9999'),
        ('occurred_at', '"soon"', 'SE009', 'occurred_at: event 2: is no time of the years 1 to 9999'),
        ('occurred_at', '"2026-02-30"', 'SE009', 'occurred_at: event 2: is no time of the years 1 to 9999'),
        ('occurred_at', '"2026-01-01 00:00:00 Nowhere/City"', 'SE009', 'occurred_at: event 2: is no time of the years 1 to 9999'),
        ('occurred_at', '"999999-01-01"', 'SE009', 'occurred_at: event 2: is no time of the years 1 to 9999'),
        ('occurred_at', '{}', 'SE009', 'occurred_at: event 2: is a JSON object, not string')
) as bad (key, value, code, detail);

select refused(
    format(
        $$select * from esdb.append_events(%s, '[{"event_type": "T", "payload": {}}]', %s,
            metadata => %s, idempotency_key => %s, action_type => %s, group_context => %s, feature_context => %s,
            bounded_context => %s)$$,
        bad.aggregate_id, bad.expected, bad.metadata, bad.key, bad.action_type, bad.group_context, bad.feature_context,
        bad.bounded_context
    ),
    bad.code, bad.detail, format('the call: %s', bad.why)
)
from (
    values
        ('null', 'null', 'null', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'aggregate_id: null', 'no aggregate_id'),
        ('''''', '0', 'null', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'aggregate_id: 0 characters', 'an empty one'),
        ('repeat(''ä'', 256)', '0', 'null', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'aggregate_id: 256 characters', 'of 256'),
        ('''s''', '-2', 'null', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'expected_version: -2', 'expected_version -2'),
        ('''s''', '0', '''[]''', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'metadata: a JSON array', 'metadata an array'),
        ('''s''', '0', '''null''', 'null', 'null', '''m''', 'null', '''n''', 'SE009', 'metadata: a JSON null', 'metadata JSON null'),
        ('''s''', '0', 'null', '''''', 'null', '''m''', 'null', '''n''', 'SE009', 'idempotency_key: 0 characters', 'an empty key'),
        ('''s''', '0', 'null', 'repeat(''x'', 256)', 'null', '''m''', 'null', '''n''', 'SE009', 'idempotency_key: 256 characters', 'a key of 256'),
        ('''s''', '0', 'null', 'null', '''''', '''m''', 'null', '''n''', 'SE009', 'action_type: 0 characters', 'an empty action_type'),
        ('''s''', '0', 'null', 'null', '''elevenchars''', '''m''', 'null', '''n''', 'SE009', 'action_type: 11 characters', 'action_type of 11'),
        ('''s''', '0', 'null', 'null', 'null', '''x''', 'null', '''n''', 'SE005', 'registered: c, m, s', 'an unknown group'),
        ('''s''', '0', 'null', 'null', 'null', '''m''', '''x''', '''n''', 'SE005', 'registered: c, d, r, u', 'an unknown feature'),
        ('''s''', '0', 'null', 'null', 'null', '''m''', 'null', '''x''', 'SE005', 'registered: b, c, e, n, nt, p, r, s, t', 'an unknown context'),
        ('''s''', '0', 'null', 'null', 'null', '''m''', 'null', 'null', 'SE005', '%', 'no context')
) as bad (
    aggregate_id, expected, metadata, key, action_type, group_context, feature_context, bounded_context, code, detail, why
);

select is((select count(*) from esdb.events), 0::bigint, 'none of them wrote an event');
select is((select count(*) from esdb.streams), 0::bigint, 'none of them made a stream');

select count(*) from esdb.append_events('own', '[{"event_type": "T", "payload": {}}]', 0, 'n', 'm', aggregate_type => 'page');
select refused(
    $$select * from esdb.append_events('own', '[{"event_type": "T", "payload": {}}]', bounded_context => 'b')$$,
    'SE004', 'stream: page in n; given: any in b', 'another context than the stream''s'
);
select refused(
    $$select * from esdb.append_events('own', '[{"event_type": "T", "payload": {}}]', aggregate_type => 'folder')$$,
    'SE004', 'stream: page in n; given: folder in any', 'another type than the stream''s'
);

select * from finish();
