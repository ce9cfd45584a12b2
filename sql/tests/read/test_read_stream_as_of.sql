-- read_stream(as_of) gives what had been recorded by a time, that time included.
select plan(13);

create temporary table appended as
select n, a.*
from generate_series(1, 4) as n
cross join lateral (
    select r.* from esdb.append_event('s', 'T', '{}', n - 1, 'n', 'm', occurred_at => '1990-01-01 00:00:00+00') as r
    cross join pg_sleep(0.002)
) as a;

select is(
    (select count(*) from esdb.read_stream('s', as_of => a.timestamp)), a.version, format('as of version %s', a.version)
)
from appended as a
order by a.version;
select is(
    (select count(*) from esdb.read_stream('s', as_of => a.timestamp - interval '1 microsecond')), a.version - 1,
    format('a microsecond before version %s', a.version)
)
from appended as a
order by a.version;
select is((select count(*) from esdb.read_stream('s', as_of => 'infinity')), 4::bigint, 'as of the end of time');
select is((select count(*) from esdb.read_stream('s', as_of => '-infinity')), 0::bigint, 'as of its beginning');
select is((select count(*) from esdb.read_stream('s', as_of => null)), 4::bigint, 'null means now');
select results_eq(
    $$select e.version::bigint from esdb.read_stream('s', max_count => 2, backward => true,
        as_of => (select timestamp from appended where n = 3)) as e$$,
    'values (3::bigint), (2)',
    'backward begins at the newest event of that time'
);
select results_eq(
    $$select e.version::bigint from esdb.read_stream('s', 2, 3, as_of => (select timestamp from appended where n = 2)) as e$$,
    'values (2::bigint)',
    'a range and a time both hold'
);

select * from finish();
