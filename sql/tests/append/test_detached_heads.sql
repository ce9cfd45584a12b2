-- A stream whose row has become dear to update has its head beside it; nobody sees a difference.
begin;
select plan(35);

create function pg_temp.seen() returns jsonb language sql as $$
select jsonb_build_object(
    'version', esdb.stream_version('hot'),
    'info', (select to_jsonb(i) from esdb.get_stream_info('hot') as i),
    'listed', (select jsonb_agg(to_jsonb(l)) from esdb.list_streams() as l),
    'read', (select count(*) from esdb.read_stream('hot', 2, 690)),
    'newest', (select e.id from esdb.read_stream('hot', backward => true, max_count => 1) as e),
    'found', (select count(*) from esdb.read_stream('hot', max_count => 1) as e cross join esdb.get_event(e.id, 'hot')),
    'loaded', (select a.version from esdb.load_aggregate('hot') as a),
    'as of', (select a.version from esdb.load_aggregate('hot', as_of => clock_timestamp()) as a),
    'due', (select to_jsonb(d) from esdb.snapshots_due as d),
    'counted', (select to_jsonb(c) - 'recent_per_second' from esdb.stream_statistics as c where c.aggregate_id = 'hot'),
    'faults', (
        select count(*)
        from (
            select f.fault from esdb_meta.stream_faults() as f
            union all select f.fault from esdb_meta.detached_head_faults() as f
            union all select f.fault from esdb_meta.deletion_faults() as f
            union all
            select f.fault from esdb_meta.leaves('hot') as l cross join esdb_meta.leaf_faults(l.leaf, 'hot') as f
        ) as all_of_them
    )
)
$$;
create function pg_temp.is_detached() returns boolean language sql as
$$select s.version is null from esdb.streams as s where s.aggregate_id = 'hot'$$;

select esdb.append_event('hot', 'Made', '{}', 0, 'n', 'm', aggregate_type => 'note');
select esdb._move_head('hot');
select is(pg_temp.is_detached(), false, 'a row of few versions keeps its head');

-- as under an old snapshot: what a transaction has updated itself cannot be removed before it ends
select count(esdb.append_event('hot', 'Changed', '{}')) from generate_series(1, 699);
create temporary table before as select pg_temp.seen() as seen;
select is((select seen ->> 'version' from before), '700', 'a stream of 700 events');
select is((select seen ->> 'faults' from before), '0', 'without a fault');
select esdb._move_head('hot');
select is(pg_temp.is_detached(), true, 'many versions of its row: its head is detached');
select results_eq(
    $$select h.version::bigint, h.month_version::bigint from esdb.detached_heads as h$$,
    $$values (700::bigint, 1::bigint)$$, 'with what the row said'
);
select is(pg_temp.seen(), (select seen from before), 'and all readers see what they saw');
select esdb._move_head('hot');
select is(pg_temp.is_detached(), true, 'it stays detached as long as the versions are there');
select esdb._detach_head('hot');
select is((select count(*) from esdb.detached_heads), 1::bigint, 'to detach it again does nothing');

select is(a.version, 701::bigint, 'append_event goes on') from esdb.append_event('hot', 'Changed', '{}') as a;
select is(a.version, 702::bigint, 'with an exact version') from esdb.append_event('hot', 'Changed', '{}', 701) as a;
select is(a.version, 703::bigint, 'with any that exists') from esdb.append_event('hot', 'Changed', '{}', -1, 'n') as a;
select results_eq(
    $$select a.version from esdb.append_events('hot', '[{"event_type": "A", "payload": {}}, {"event_type": "B", "payload": {}}]', 703) as a$$,
    'values (704::bigint), (705)', 'append_events, too'
);
select results_eq(
    $$select a.version, a.aggregate_id from esdb.append_to_streams(
        '[{"aggregate_id": "hot", "events": [{"event_type": "C", "payload": {}}]},
          {"aggregate_id": "cold", "bounded_context": "n", "group_context": "m", "events": [{"event_type": "C", "payload": {}}]}]') as a$$,
    $$values (706::bigint, 'hot'), (1, 'cold')$$, 'and append_to_streams'
);
select is(a.version, 707::bigint, 'an event of another group') from esdb.append_event('hot', 'D', '{}', group_context => 's') as a;
select is(e.group_context::text, 's', 'has that group') from esdb.read_stream('hot', 707) as e;
select ok(
    (select a.position from esdb.append_event('hot', 'E', '{}', idempotency_key => 'k') as a)
    = (select a.position from esdb.append_event('hot', 'E', '{}', idempotency_key => 'k') as a), 'a repeated key is known'
);
select ok(
    (select a.position from esdb.append_event('hot', 'F', '{}', id => 'i') as a)
    = (select a.position from esdb.append_event('hot', 'F', '{}', id => 'i') as a), 'a repeated id is known'
);
select is((select version::bigint from esdb.detached_heads), 709::bigint, 'there is one head, the newest');
select ok(
    (select bool_and(e.timestamp >= e.before) from (
        select r.timestamp, lag(r.timestamp, 1, '-infinity') over (order by r.version) as before from esdb.read_stream('hot', 699) as r
    ) as e), 'time does not run backwards where the head moves'
);

select throws_ok($$select esdb.append_event('hot', 'X', '{}', 700)$$, 'SE001', null, 'another version is a conflict');
select throws_ok($$select esdb.append_event('hot', 'X', '{}', 0)$$, 'SE001', null, 'so is none');
select throws_ok($$select esdb.append_event('hot', 'X', '{}', 710)$$, 'SE001', null, 'and one that is not there yet');
select throws_ok($$select esdb.append_event('hot', 'X', '{}', null, 'b')$$, 'SE004', null, 'another context is refused');
select throws_ok(
    $$select esdb.append_event('hot', 'X', '{}', 709, aggregate_type => 'page')$$, 'SE004', null, 'so is another type');
select throws_ok(
    $$select esdb.append_events('hot', '[{"event_type": "A", "payload": {}}]', 3)$$, 'SE001', null, 'of a batch, too');
select throws_ok(
    $$select esdb.append_event('hot', 'X', '{}', group_context => 'q')$$, 'SE005', null, 'a group that is not known');
select is(esdb.stream_version('hot'), 709::bigint, 'nothing of these is left');

select lives_ok($$select esdb.save_snapshot('hot', 709, '{}')$$, 'a snapshot of the newest version is taken');
select throws_ok($$select esdb.save_snapshot('hot', 710, '{}')$$, 'SE014', null, 'of one above it is not');

select is((select d.version from esdb.delete_stream('hot', 709) as d), 710::bigint, 'a detached stream is deleted');
select throws_ok($$select esdb.append_event('hot', 'X', '{}')$$, 'SE002', null, 'and then takes nothing');
select is((select r.version from esdb.restore_stream('hot') as r), 711::bigint, 'until it is restored');

-- as if its last event were of last month
update esdb.detached_heads set updated_at = updated_at - interval '32 days';
update esdb.streams set created_at = created_at - interval '32 days' where aggregate_id = 'hot';
select esdb.append_event('hot', 'New', '{}');
select results_eq(
    $$select m.first_version::bigint, h.month_version::bigint
    from esdb.stream_months as m cross join esdb.detached_heads as h where m.month = esdb._utc_month(h.updated_at)$$,
    $$values (712::bigint, 712::bigint)$$, 'a month that it enters is noted'
);

create temporary table detached as select pg_temp.seen() as seen;
select esdb._attach_head('hot');
select esdb._attach_head('hot');
select results_eq(
    $$select s.version::bigint, (select count(*) from esdb.detached_heads) from esdb.streams as s where s.aggregate_id = 'hot'$$,
    $$values (712::bigint, 0::bigint)$$, 'attached, its row says it all'
);
select is(pg_temp.seen(), (select seen from detached), 'and again nobody sees a difference');
select * from finish();
rollback;
