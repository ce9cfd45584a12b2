-- delete_stream() appends StreamDeleted and hides the stream; restore_stream() appends StreamRestored and shows it.
select plan(34);
set timezone = 'UTC';

select esdb.append_event('s', 'Made', '{}', 0, 'n', 'm', aggregate_type => 'page', id => 'made');
select esdb.append_event('s', 'Changed', '{}', 1, group_context => 's');
select esdb.append_event('other', 'Made', '{}', 0, 'n', 'm');

create temporary table deleted as select * from esdb.delete_stream('s', 2, '{"user_id": "u"}');
select is((select version from deleted), 3::bigint, 'the deletion is the next version');
select results_eq(
    $$select e.id, e.version::bigint, e.position, e.timestamp from esdb.events as e where e.event_type = 'StreamDeleted'$$,
    'select d.id collate "C", d.version, d.position, d.timestamp from deleted as d',
    'the result is the event'
);
select results_eq(
    $$select e.event_type::text collate "default", e.feature_context::text, e.action_type::text, e.bounded_context::text,
        e.group_context::text, e.aggregate_type collate "default", e.payload, e.metadata
      from esdb.events as e where e.version = 3$$,
    $$values ('StreamDeleted', 'd', 'delete', 'n', 'm', 'page', '{}'::jsonb, '{"user_id": "u"}'::jsonb)$$,
    'feature d, action delete, the stream''s own contexts'
);
select is(i.deleted_at, d.timestamp, 'deleted_at is the event''s time') from esdb.get_stream_info('s') as i, deleted as d;

select refused(
    call.statement, 'SE002', format('deleted at %s, version 3', (select timestamp from deleted)), call.statement
)
from (
    values
        ($$select esdb.append_event('s', 'T', '{}')$$),
        ($$select esdb.append_event('s', 'T', '{}', 3)$$),
        ($$select esdb.append_event('s', 'T', '{}', 0, 'n', 'm')$$),
        ($$select * from esdb.append_events('s', '[{"event_type": "T", "payload": {}}]')$$),
        ($$select * from esdb.append_to_streams('[{"aggregate_id": "s", "events": [{"event_type": "T", "payload": {}}]}]')$$),
        ($$select esdb.delete_stream('s')$$),
        ($$select esdb.delete_stream('s', 3)$$),
        ($$select esdb.delete_stream('s', 2)$$),
        ($$select esdb.delete_stream('s', 0)$$)
) as call (statement);
select is(
    (esdb.append_event('s', 'Made', '{}', 0, id => 'made')).version, 1::bigint, 'a repetition still gets its first result'
);

select is((select count(*) from esdb.read_stream('s')), 0::bigint, 'read_stream() hides it');
select is((select count(*) from esdb.read_stream('s', include_deleted => true)), 3::bigint, 'include_deleted shows it');
select is((select count(*) from esdb.read_all() as e where e.aggregate_id = 's'), 3::bigint, 'read_all() shows it');
select is((select count(*) from esdb.get_event('made')), 1::bigint, 'get_event() shows its events');
select is(esdb.stream_version('s'), 3::bigint, 'stream_version() is its version');

create temporary table restored as select * from esdb.restore_stream('s', '{"user_id": "v"}');
select is((select version from restored), 4::bigint, 'the restoration is the next version');
select results_eq(
    $$select e.event_type::text collate "default", e.feature_context::text, e.action_type::text, e.bounded_context::text,
        e.group_context::text, e.aggregate_type collate "default", e.payload, e.metadata, e.id
      from esdb.events as e where e.version = 4$$,
    $$select 'StreamRestored', 'u', 'restore', 'n', 'm', 'page', '{}'::jsonb, '{"user_id": "v"}'::jsonb, r.id collate "C"
      from restored as r$$,
    'feature u, action restore, the stream''s own contexts'
);
select is(i.deleted_at, null, 'it is not deleted any more') from esdb.get_stream_info('s') as i;
select is((select count(*) from esdb.read_stream('s')), 4::bigint, 'read_stream() shows it whole');
select is((esdb.append_event('s', 'T', '{}', 4)).version, 5::bigint, 'it takes appends');
select is((esdb.delete_stream('s', -1)).version, 6::bigint, 'it can be deleted again, at any version');
select is((select count(*) from esdb.read_stream('other')), 1::bigint, 'other streams are as they were');

select refused(wrong.statement, wrong.code, wrong.detail, wrong.statement)
from (
    values
        ($$select esdb.delete_stream('none')$$, 'SE003', 'no event was ever appended to none'),
        ($$select esdb.delete_stream('none', 0)$$, 'SE003', 'no event was ever appended to none'),
        ($$select esdb.restore_stream('none')$$, 'SE003', 'no event was ever appended to none'),
        ($$select esdb.restore_stream('other')$$, 'SE009', 'aggregate_id: stream other is not deleted'),
        ($$select esdb.delete_stream('other', 0)$$, 'SE001', '{"actual": 1, "expected": 0, "aggregate_id": "other"}'),
        ($$select esdb.delete_stream('other', 7)$$, 'SE001', '{"actual": 1, "expected": 7, "aggregate_id": "other"}'),
        ($$select esdb.delete_stream(null)$$, 'SE009', 'aggregate_id: null')
) as wrong (statement, code, detail);
select is(
    (select count(*) from esdb.events), 7::bigint, 'what is refused writes nothing'
);

select * from finish();
