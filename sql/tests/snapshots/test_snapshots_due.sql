-- snapshots_due shows the living streams with at least snapshot_threshold events since their newest snapshot.
select plan(16);

create function pg_temp.appended(stream text, events integer)
returns bigint
language sql
as $$select count(*) from esdb.append_events(stream, (
    select jsonb_agg(jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb)) from generate_series(1, events)
), bounded_context => 'nt', group_context => 'm', aggregate_type => 'kind')$$;
select pg_temp.appended('new-99', 99);
select pg_temp.appended('new-100', 100);
select pg_temp.appended('snap-100', 150);
select esdb.save_snapshot('snap-100', 10, '{}');
select esdb.save_snapshot('snap-100', 50, '{}');
select pg_temp.appended('snap-99', 150);
select esdb.save_snapshot('snap-99', 51, '{}');
select pg_temp.appended('deleted', 200);
update esdb.streams set deleted_at = now() where aggregate_id = 'deleted';

select results_eq(
    $$select aggregate_id collate "default", aggregate_type collate "default", bounded_context, version, snapshot_version, events_since_snapshot
    from esdb.snapshots_due order by aggregate_id$$,
    $$values
        ('new-100', 'kind', 'nt', 100::bigint, null::bigint, 100::bigint),
        ('snap-100', 'kind', 'nt', 150, 50, 100)$$,
    'those with a hundred events, from the default on'
);
select esdb.save_snapshot('new-100', 1, '{}');
select is((select count(*) from esdb.snapshots_due where aggregate_id = 'new-100'), 0::bigint, 'a snapshot counts');
select pg_temp.appended('new-100', 1);
select is((select count(*) from esdb.snapshots_due where aggregate_id = 'new-100'), 1::bigint, 'so does an event');
select is(esdb.set_setting('snapshot_threshold', '101'), '101', 'another threshold');
select is_empty('select * from esdb.snapshots_due', 'holds at once');
select esdb.set_setting('snapshot_threshold', '99');
select set_eq('select aggregate_id collate "default" from esdb.snapshots_due', $$values ('new-99'), ('new-100'), ('snap-100'), ('snap-99')$$, 'lower, there are more');
select set_eq('select aggregate_id collate "default" from esdb._due_snapshots(101)', 'select aggregate_id collate "default" from esdb._due_snapshots(1000)', 'a threshold of one''s own');
select is((select count(*) from esdb._due_snapshots(1)), 4::bigint, 'one event is enough with 1');
select esdb.save_snapshot('snap-99', 150, '{}');
select is((select count(*) from esdb._due_snapshots(1)), 3::bigint, 'none is not');
select throws_ok(format('select * from esdb._due_snapshots(%s)', bad), 'SE009', null, 'a threshold of ' || bad)
from (values (0), (-1)) as b (bad);
select cmp_ok((select count(*) from esdb._due_snapshots(null)), '=', (select count(*) from esdb.snapshots_due), 'null is the setting');
select is_empty('select * from esdb._due_snapshots(2147483647)', 'the largest threshold');
update esdb.streams set deleted_at = null where aggregate_id = 'deleted';
select is((select count(*) from esdb.snapshots_due where aggregate_id = 'deleted'), 1::bigint, 'a stream that is back is due');
select ok(obj_description('esdb.snapshots_due'::regclass, 'pg_class') ~ 'reads all of esdb.streams', 'the comment tells what it costs');
select is((select count(*) from pg_class as c where c.oid = 'esdb.snapshots_due'::regclass and c.relkind = 'v'), 1::bigint, 'it is a view');

select * from finish();
