-- get_stream_info() and stream_version() tell what the store knows of a stream.
select plan(8);

select is(esdb.stream_version('s'), 0::bigint, 'no stream is at version 0');
select is(esdb.stream_version(null), 0::bigint, 'nor is null');
select is_empty($$select * from esdb.get_stream_info('s')$$, 'no stream has no row');
select is_empty($$select * from esdb.get_stream_info(null)$$, 'nor has null');

create temporary table appended as
select a.* from esdb.append_event('s', 'T', '{}', 0, 'n', 'c', aggregate_type => 'page') as a;
insert into appended select a.* from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}}]') as a;

select is(esdb.stream_version('s'), 3::bigint, 'stream_version() is the newest event''s version');
select results_eq(
    $$select
        aggregate_id collate "default", aggregate_type collate "default", bounded_context, group_context, version, created_at,
        updated_at, deleted_at, snapshot_version
    from esdb.get_stream_info('s')$$,
    $$select 's', 'page', 'n', 'c', 3::bigint, min(timestamp), max(timestamp), null::timestamptz, null::bigint from appended$$,
    'type, contexts, version and times'
);
insert into esdb.snapshots (aggregate_id, version, state)
values ('s', 1, '{}'), ('s', 2, '{}');
select is(snapshot_version, 2::bigint, 'and the newest snapshot''s version') from esdb.get_stream_info('s');
select is(esdb.stream_version('S'), 0::bigint, 'names are distinguished to the letter');

select * from finish();
