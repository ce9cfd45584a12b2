-- esdb.stream_statistics shows the largest streams and the hottest ones.
select plan(15);

create function pg_temp.appended(stream text, events integer)
returns bigint
language sql
as $$select count(*) from esdb.append_events(stream, (
    select jsonb_agg(jsonb_build_object('event_type', 'T', 'payload', '{}'::jsonb)) from generate_series(1, events)
), bounded_context => 'nt', group_context => 'm', aggregate_type => 'kind')$$;

select is_empty('select * from esdb.stream_statistics', 'a new store has no streams');
select pg_temp.appended('large', 50);
select pg_temp.appended('small', 3);
select pg_temp.appended('gone', 5);
select esdb.delete_stream('gone');
select esdb.append_event('other', 'T', '{}', 0, 'b', 'c');

select results_eq(
    $$select aggregate_id collate "default", aggregate_type collate "default", bounded_context, group_context, event_count, deleted_at is not null, recent_events
    from esdb.stream_statistics order by event_count desc$$,
    $$values
        ('large', 'kind', 'nt', 'm', 50::bigint, false, 50::bigint),
        ('gone', 'kind', 'nt', 'm', 6, true, 6),
        ('small', 'kind', 'nt', 'm', 3, false, 3),
        ('other', 'bookmark', 'b', 'c', 1, false, 1)$$,
    'each stream, how many events it has, and how many of them are recent'
);
select is(recent_per_second, 50 / 3600.0::double precision, 'a second: over the hour, where all of it is looked at')
from esdb.stream_statistics
where aggregate_id = 'large';
select is(s.created_at, i.created_at, 'since when')
from esdb.stream_statistics as s
cross join lateral esdb.get_stream_info(s.aggregate_id) as i
where s.aggregate_id = 'small';

-- an older event of a stream, and one that was never committed
update esdb.streams set version = 51 where aggregate_id = 'large';
insert into esdb.events
select (e).* from (
    select jsonb_populate_record(e, jsonb_build_object(
        'id', 'old', 'version', 51, 'position', nextval('esdb.event_position'),
        'timestamp', clock_timestamp() - interval '61 minutes')) as e
    from esdb.events as e
    where aggregate_id = 'large' and version = 1
) as old;
select is(recent_events, 50::bigint, 'what is older than an hour does not count') from esdb.stream_statistics where aggregate_id = 'large';
begin;
select pg_temp.appended('small', 4);
select is(recent_events, 7::bigint, 'what is not committed counts for who appends it')
from esdb.stream_statistics
where aggregate_id = 'small';
rollback;
select is(recent_events, 3::bigint, 'and for nobody else') from esdb.stream_statistics where aggregate_id = 'small';

-- more than the newest 10,000 positions, all of them within the hour
select sum(pg_temp.appended('hot', 2000)) from generate_series(1, 4);
select pg_temp.appended('warm-' || n, 19) from generate_series(1, 100) as n;
select pg_temp.appended('hot', 900);
select is(sum(recent_events), 10000::numeric, 'the newest 10,000 are looked at') from esdb.stream_statistics;
select results_eq(
    $$select aggregate_id collate "default", event_count, recent_events from esdb.stream_statistics where recent_events > 0 order by recent_events desc limit 1$$,
    $$values ('hot', 8900::bigint, 8100::bigint)$$,
    'the hottest one'
);
select is(recent_events, null, 'an older stream has none of them') from esdb.stream_statistics where aggregate_id = 'large';
select cmp_ok(recent_per_second, '>', recent_events / 1000.0::double precision, 'and a second is: since the oldest of them')
from esdb.stream_statistics
where aggregate_id = 'hot';

-- the streams are looked up by their key where only recent ones are asked for
insert into esdb.streams
select 'idle-' || n, 'kind', 'nt', 'm', 1, 1, now() - interval '1 year', now() - interval '1 year'
from generate_series(1, 50000) as n;
analyze esdb.streams;
create function pg_temp.plan_of(query text)
returns setof text
language plpgsql
as $$begin return query execute 'explain ' || query; end$$;
select is_empty(
    $$select p from pg_temp.plan_of('select * from esdb.stream_statistics where recent_events > 0') as p where p ~ 'Seq Scan'$$,
    'not all streams are read for the recent ones'
);
select isnt_empty(
    $$select p from pg_temp.plan_of('select * from esdb.stream_statistics order by event_count desc') as p where p ~ 'Seq Scan'$$,
    'for the largest they are'
);

begin;
select count(*) from esdb.stream_statistics where recent_events > 0;
select is_empty(
    $$select l.relation::regclass
    from pg_locks as l
    join pg_class as c on c.oid = l.relation
    where l.pid = pg_backend_pid() and c.relname ~ '^events_'$$,
    'no partition stays locked'
);
commit;
select ok(obj_description('esdb.stream_statistics'::regclass, 'pg_class') ~ 'A query reads all of esdb.streams.*Worry', 'the comment tells what it costs and when to worry');

select * from finish();
