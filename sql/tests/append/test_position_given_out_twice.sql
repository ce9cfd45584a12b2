-- After events were lost or the sequence was set back, an append says that a position is taken; it does not blame an id.
select plan(3);

select esdb.append_event('s', 'T', '{}', bounded_context => 'b', group_context => 'm');
select setval('esdb.event_position', 1, false);

select throws_ok(
    $$select esdb.append_event('t', 'T', '{}', bounded_context => 'b', group_context => 'm')$$,
    '55000',
    null,
    'a single append'
);
select setval('esdb.event_position', 1, false);
select throws_ok(
    $$select * from esdb.append_events('t', '[{"event_type": "T", "payload": {}}]', bounded_context => 'b', group_context => 'm')$$,
    '55000',
    null,
    'a batch'
);
select is(esdb.stream_version('t'), 0::bigint, 'nothing was written');

select * from finish();
