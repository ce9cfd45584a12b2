-- esdb.append_rate counts what was appended, by context and minute, hour and day: exactly, or nearly where there is much.
select plan(20);

-- events as they would have been appended at these times, the oldest first
create function pg_temp.happened(context text, times timestamptz[])
returns void
language sql
as $$
insert into esdb.events (
    position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,
    version, timestamp, payload
)
select
    nextval('esdb.event_position'), gen_random_uuid()::text, context, 'm', 'c', 'create', 'kind',
    gen_random_uuid()::text, 'T', 1, t.at, '{}'
from unnest(times) as t (at);
$$;
create function pg_temp.every(step interval, since interval, until interval default '0')
returns timestamptz[]
language sql
as $$select array_agg(g.at order by g.at) from generate_series(now() - since, now() - until, step) as g (at)$$;

create view pg_temp.counted as
select
    p.period,
    e.bounded_context::text as bounded_context,
    date_trunc(p.period, e.timestamp, 'UTC') as begins_at,
    count(*) as event_count
from esdb.events as e
cross join (values ('minute'), ('hour'), ('day')) as p (period)
group by 1, 2, 3;
select results_eq(
    'select period, count(*), count(distinct begins_at), sum(event_count) from esdb.append_rate group by 1 order by 1',
    $$values ('day', 9 * 31::bigint, 31::bigint, 0::numeric), ('hour', 9 * 48, 48, 0), ('minute', 9 * 60, 60, 0)$$,
    'a new store has rows for each context and stretch of time, all of them 0'
);

select pg_temp.happened('b', pg_temp.every('6 hours', '27 days', '3 days'));
select pg_temp.happened('nt', pg_temp.every('31 minutes', '2 days', '1 day'));
select pg_temp.happened('b', pg_temp.every('1 minute', '3 days', '2 hours'));
begin;
select pg_temp.happened('b', pg_temp.every('1 second', '10 minutes'));
rollback;
select pg_temp.happened('n', pg_temp.every('10 seconds', '10 minutes', '3 minutes'));
select pg_temp.happened('b', pg_temp.every('1 minute', '110 minutes', '1 minute'));
select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}}]',
    bounded_context => 'n', group_context => 'm');

create temporary table seen as select * from esdb.append_rate;
select bag_eq(
    'select period, bounded_context, begins_at, event_count from pg_temp.seen where event_count > 0',
    $$select c.period, c.bounded_context, c.begins_at, c.event_count
    from pg_temp.counted as c
    where c.begins_at >= (select min(s.begins_at) from pg_temp.seen as s where s.period = c.period)$$,
    'a few thousand events are counted as they are, whatever was rolled back among them'
);
select ok(not bool_or(is_estimate), 'and this is no estimate') from pg_temp.seen;
select cmp_ok(count(*), '>', 20::bigint, 'days of the month before it are among them, too')
from pg_temp.seen
where period = 'day' and event_count > 0;
select ok(sum(event_count) filter (where period = 'minute') >= 2, 'what has just been appended is in the running minute')
from pg_temp.seen
where bounded_context = 'n' and begins_at >= now() - interval '2 minutes';
select cmp_ok(max(abs(per_second * 3600 - event_count)), '<', 1e-6::double precision, 'an hour that is over has 3600 seconds')
from pg_temp.seen
where period = 'hour' and begins_at < now() - interval '1 hour';
select is(max(begins_at), date_trunc('day', max(begins_at), 'UTC'), 'days begin at midnight UTC')
from pg_temp.seen
where period = 'day';

-- many, of two contexts in turn; and a few of a third among them
truncate pg_temp.seen;
select pg_temp.happened(
    case when n % 20 = 0 then 't' else 'r' end,
    array(select now() - interval '50 minutes' + (n * 25 + i) * interval '100 milliseconds' from generate_series(1, 25) as i)
)
from generate_series(0, 1000) as n;
insert into pg_temp.seen select * from esdb.append_rate where bounded_context in ('t', 'r') and period in ('hour', 'day');
select ok(bool_and(is_estimate), 'more than 5,000 are estimated')
from pg_temp.seen
where bounded_context = 'r' and event_count > 6000;
select cmp_ok(
    abs(sum(s.event_count) - 23750), '<', 23750 * 0.05, s.period || ': and the estimate is near'
)
from pg_temp.seen as s
where bounded_context = 'r'
group by s.period
order by s.period;
select results_eq(
    $$select sum(event_count), bool_or(is_estimate) from pg_temp.seen where bounded_context = 't' and period = 'day'$$,
    'values (1275::numeric, false)',
    'those of a context that has few are counted, however many lie between'
);

begin;
set local track_functions = 'all';
select count(*) from esdb.append_rate where bounded_context = 'b' and period = 'minute';
select is(calls, 1::bigint, 'what a query does not ask for is not counted')
from pg_stat_xact_user_functions
where funcname = '_append_counts';
select is_empty(
    $$select l.relation::regclass
    from pg_locks as l
    join pg_class as c on c.oid = l.relation
    where l.pid = pg_backend_pid() and c.relname ~ '^events_'$$,
    'no partition stays locked'
);
commit;

begin read only;
select lives_ok(
    'select count(*) from esdb.append_rate, (select count(*) from esdb.stream_statistics) as s, (select count(*) from esdb.snapshot_statistics) as n',
    'it and its neighbours write nothing: a standby has them, too'
);
commit;

-- an import of older events: the counts may be wrong, but it comes to an end
select pg_temp.happened('r', pg_temp.every('1 hour', '20 days', '10 days'));
select lives_ok('select * from esdb.append_rate where bounded_context = ''r''', 'times that do not follow the positions do no harm');

select throws_ok(format('select * from esdb._append_counts(%L, ''b'', now())', bad), 'SE009', null, 'no period: ' || coalesce(bad, 'null'))
from (values ('week'), (null)) as b (bad);
select throws_ok(format('select * from esdb._append_counts(''day'', ''b'', %L)', bad), 'SE009', null, 'no time: ' || coalesce(bad, 'null'))
from (values ('infinity'), (null)) as b (bad);

select ok(obj_description('esdb.append_rate'::regclass, 'pg_class') ~ 'costs.*Worry', 'the comment tells what it costs and when to worry');

select * from finish();
