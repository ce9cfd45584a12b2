-- esdb.snapshot_statistics counts the snapshots by aggregate type, those the cleanup would remove and those that are due.
select plan(9);

create function pg_temp.appended(stream text, events integer, type text)
returns bigint
language sql
as $$select count(*) from esdb.append_events(stream, (
    select jsonb_agg(jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb)) from generate_series(1, events)
), bounded_context => 'nt', group_context => 'm', aggregate_type => type)$$;

select is_empty('select * from esdb.snapshot_statistics', 'a new store has none');
select pg_temp.appended('few', 20, 'order');
select pg_temp.appended('many', 130, 'order');
select pg_temp.appended('due', 100, 'cart');
select pg_temp.appended('none', 9, 'kind');
select esdb.save_snapshot('few', v, '{}') from generate_series(1, 4) as v;
select esdb.save_snapshot('many', v, jsonb_build_object('filler', repeat('x', 100 * v::int))) from generate_series(41, 48) as v;

select results_eq(
    $$select bounded_context, aggregate_type collate "default", streams, snapshots, removable, streams_due from esdb.snapshot_statistics order by 2$$,
    $$values ('nt', 'cart', 0::bigint, 0::bigint, 0::bigint, 1::bigint), ('nt', 'order', 2, 12, 0, 0)$$,
    'by type: streams that have some, how many, and streams that are due'
);
select is(s.state_bytes, (select sum(pg_column_size(n.state)) from esdb.snapshots as n), 'bytes as they are stored')
from esdb.snapshot_statistics as s
where aggregate_type = 'order';
select is(s.largest_bytes, (select max(pg_column_size(n.state)) from esdb.snapshots as n), 'and those of the largest')
from esdb.snapshot_statistics as s
where aggregate_type = 'order';
select results_eq(
    $$select oldest, newest from esdb.snapshot_statistics where aggregate_type = 'order'$$,
    $$select min(timestamp), max(timestamp) from esdb.snapshots$$,
    'the oldest and the newest'
);

update esdb.snapshots set timestamp = now() - interval '31 days' where version <> 47;
create temporary table said as select removable from esdb.snapshot_statistics where aggregate_type = 'order';
select is(esdb.cleanup_old_snapshots(), (select removable from said), 'removable are those that a cleanup removes');
select is(removable, 3::bigint, 'those beyond the newest five that are old enough') from said;
select is(removable, 0::bigint, 'afterwards none is') from esdb.snapshot_statistics where aggregate_type = 'order';
select ok(obj_description('esdb.snapshot_statistics'::regclass, 'pg_class') ~ 'A query reads.*Worry', 'the comment tells what it costs and when to worry');

select * from finish();
