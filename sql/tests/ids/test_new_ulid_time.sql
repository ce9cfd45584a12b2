-- The first ten characters of a ULID are its time, so ULIDs sort by time under the order of bytes.
select plan(15);

select is(
    left(esdb.new_ulid('2016-07-30 23:54:10.259+00'), 10),
    '01ARZ3NDEK',
    'the time is written as the specification writes it'
);
select is(left(esdb.new_ulid('1970-01-01 00:00:00+00'), 10), '0000000000', 'the first millisecond is all zeros');
select is(
    left(esdb.new_ulid('10889-08-02 05:31:50.655+00'), 10),
    '7ZZZZZZZZZ',
    'the last millisecond is the highest ULID time'
);
select is(
    left(esdb.new_ulid('10889-08-02 05:31:50.655999+00'), 10),
    '7ZZZZZZZZZ',
    'the last microsecond belongs to the last millisecond'
);

select ok(
    esdb.ulid_timestamp(esdb.new_ulid()) between date_trunc('milliseconds', statement_timestamp()) and clock_timestamp(),
    'without an argument the time is the clock''s'
);

select is(
    (
        select count(*)
        from generate_series(0, 5000) as n
        cross join lateral (select day.start + n * interval '7919 ms' as at) as t
        where esdb.ulid_timestamp(esdb.new_ulid(t.at)) <> t.at
    ),
    0::bigint,
    format('each millisecond goes into a ULID and comes out again, from %s on', day.start)
)
from (
    values
        ('1970-01-01 00:00:00+00'::timestamptz),
        ('1987-03-01 00:00:00+00'),
        ('2004-05-05 00:00:00+00'),
        ('2026-11-30 23:59:00+00'),
        ('2038-02-01 00:00:00+00'),
        ('2100-01-01 00:00:00+00'),
        ('9999-12-31 00:00:00+00')
) as day (start);

-- each bit goes its own way and never carries into another, so what is right for each is right for all
select is_empty(
    $$select n, t.at
    from generate_series(0, 47) as n
    cross join lateral (select '1970-01-01 00:00:00+00'::timestamptz + (2 ^ n) * interval '1 ms' as at) as t
    where esdb.ulid_timestamp(esdb.new_ulid(t.at)) <> t.at$$,
    'each bit of the time has its place'
);

select is(
    esdb.ulid_timestamp(esdb.new_ulid('2026-05-05 05:05:05.123999+00')),
    '2026-05-05 05:05:05.123+00'::timestamptz,
    'microseconds are cut off, not rounded'
);

select is_empty(
    $$with made as (
        select n, esdb.new_ulid('2026-01-01 00:00:00+00'::timestamptz + n * interval '1 ms') as id
        from generate_series(1, 5000) as n
    ),
    followed as (
        select id, lead(id) over (order by n) as next_id from made
    )
    select * from followed where id collate "C" >= next_id$$,
    'a later millisecond sorts after an earlier one'
);

select * from finish();
