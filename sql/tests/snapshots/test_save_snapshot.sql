-- save_snapshot() keeps a state as of a version; it refuses what the stream cannot have, and what is no state.
select plan(37);

select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}},
    {"event_type": "T", "payload": {}}]', 0, 'n', 'm');
select esdb.append_event('gone', 'T', '{}', 0, 'n', 'm');
update esdb.streams set deleted_at = '2026-01-01 00:00:00+00' where aggregate_id = 'gone';

select lives_ok($$select esdb.save_snapshot('s', 2, '{"a": 1}')$$, 'a snapshot of a version in between is saved');
select results_eq(
    $$select aggregate_id collate "default", version::bigint, state from esdb.snapshots$$, $$values ('s', 2::bigint, '{"a": 1}'::jsonb)$$,
    'as it was given');
select is(snapshot_version, 2::bigint, 'get_stream_info() knows it') from esdb.get_stream_info('s');
create temporary table before as select timestamp from esdb.snapshots;
select cmp_ok(timestamp, '<=', clock_timestamp(), 'its time is the clock''s') from before;
select lives_ok($$select esdb.save_snapshot('s', 2, '{"b": 2}')$$, 'the same version is saved again');
select results_eq('select state from esdb.snapshots', $$values ('{"b": 2}'::jsonb)$$, 'which replaces the state');
select cmp_ok(n.timestamp, '>', b.timestamp, 'and the time') from esdb.snapshots as n cross join before as b;
select lives_ok($$select esdb.save_snapshot('s', 3, '{}')$$, 'the newest version is taken');
select lives_ok($$select esdb.save_snapshot('s', 1, '{}')$$, 'an older one after it too');
select is((select count(*) from esdb.snapshots), 3::bigint, 'each version has its own');
begin;
select esdb.append_event('s', 'T', '{}');
select lives_ok($$select esdb.save_snapshot('s', 4, '{}')$$, 'so has one appended in the same transaction');
rollback;

select refused($$select esdb.save_snapshot('s', 4, '{}')$$, 'SE014', 'snapshot: version 4; stream: version 3', 'a version ahead');
select refused($$select esdb.save_snapshot('s', 9223372036854775807, '{}')$$, 'SE014',
    'snapshot: version 9223372036854775807; stream: version 3', 'one far ahead');
select refused($$select esdb.save_snapshot('none', 1, '{}')$$, 'SE003', 'no event was ever appended to none', 'no stream');
select refused($$select esdb.save_snapshot('', 1, '{}')$$, 'SE003', '%', 'nor an empty name');
select refused($$select esdb.save_snapshot('gone', 1, '{}')$$, 'SE002', 'deleted at %, version 1', 'a deleted stream');
select refused($$select esdb.save_snapshot('gone', 2, '{}')$$, 'SE002', 'deleted at %, version 1', 'whatever the version');
select refused($$select esdb.save_snapshot(null, 1, '{}')$$, 'SE009', 'aggregate_id: null', 'aggregate_id null');
select refused($$select esdb.save_snapshot('s', null, '{}')$$, 'SE009', 'version: null', 'version null');
select refused($$select esdb.save_snapshot('s', 0, '{}')$$, 'SE009', 'version: 0', 'version 0');
select refused($$select esdb.save_snapshot('s', -1, '{}')$$, 'SE009', 'version: -1', 'version -1');
select refused($$select esdb.save_snapshot('s', 1, null)$$, 'SE009', 'state: null', 'state null');
select refused($$select esdb.save_snapshot('s', 1, 'null')$$, 'SE009', 'state: null', 'state null of JSON');
select is((select count(*) from esdb.snapshots), 3::bigint, 'nothing of it was saved');

-- hostile names and states come back as they were
create temporary table hostile as
select n, name, jsonb_build_object(name, name) as state
from (
    values
        (1, $$it's$$),
        (2, $$'; drop table esdb.snapshots; --$$),
        (3, e'two\nlines\x1b[31m'),
        (4, $$back\slash $1 %s {brace}$$),
        (5, '日本語 🎉'),
        (6, ' ')
) as h (n, name);
select count(*) from hostile as h, lateral (select esdb.append_event(h.name, 'T', '{}', 0, 'n', 'm')) as a;
select count(*) from hostile as h, lateral (select esdb.save_snapshot(h.name, 1, h.state)) as a;
select is((select g.state from esdb.get_snapshot(h.name) as g), h.state, 'hostile name ' || n) from hostile as h order by n;
select is((select g.snapshot_state from esdb.load_aggregate(h.name) as g), h.state, 'hostile name loaded ' || n) from hostile as h order by n;
select lives_ok(format('select esdb.save_snapshot(''s'', 1, %L)', json), 'state ' || left(json, 20))
from (values ('[]')) as j (json);

select * from finish();
