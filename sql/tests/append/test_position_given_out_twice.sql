-- After events were lost or the sequence was set back, an append says that a position is taken; it does not blame an id,
-- also where the caller gave one.
select plan(5);

select esdb.append_event('s', 'T', '{}', bounded_context => 'b', group_context => 'm');
select setval('esdb.event_position', 1, false);

select throws_ok(
    $$select esdb.append_event('t', 'T', '{}', bounded_context => 'b', group_context => 'm')$$,
    '23505',
    format('duplicate key value violates unique constraint "%s_position"', (select c.relname from esdb.events as e join pg_class as c on c.oid = e.tableoid)),
    'a single append'
);
select setval('esdb.event_position', 1, false);
select throws_ok(
    $$select esdb.append_event('t', 'T', '{}', bounded_context => 'b', group_context => 'm', id => 'new')$$,
    '55000',
    'the store gave out a position or a version a second time',
    'with an id of the caller''s'
);
select setval('esdb.event_position', 1, false);
select throws_ok(
    $$select * from esdb.append_events('t', '[{"event_type": "T", "payload": {}}]', bounded_context => 'b', group_context => 'm')$$,
    '23505',
    null,
    'a batch'
);
select setval('esdb.event_position', 1, false);
select throws_ok(
    $$select * from esdb.append_events(
        't', '[{"event_type": "T", "payload": {}, "id": "new"}]', bounded_context => 'b', group_context => 'm')$$,
    '55000',
    'the store gave out a position or a version a second time',
    'with an id of the caller''s'
);
select is(esdb.stream_version('t'), 0::bigint, 'nothing was written');

select * from finish();
