-- esdb.new_ulid() gives 26 characters of Crockford's base 32, and no two the same.
select plan(4);

select matches(esdb.new_ulid(), '^[0-7][0-9A-HJKMNP-TV-Z]{25}$', 'a ULID has 26 characters of its alphabet');

select is(
    (select count(distinct esdb.new_ulid()) from generate_series(1, 20000)),
    20000::bigint,
    '20,000 ULIDs are all different'
);

select is(
    (
        select count(distinct esdb.new_ulid('2026-01-01 00:00:00+00'))
        from generate_series(1, 20000)
    ),
    20000::bigint,
    'also inside one millisecond'
);

select is_empty(
    $$with made as materialized (select esdb.new_ulid() as id from generate_series(1, 2000))
    select n.place, count(distinct substr(made.id, n.place, 1))
    from made
    cross join generate_series(11, 26) as n (place)
    group by n.place
    having count(distinct substr(made.id, n.place, 1)) <> 32$$,
    'each random place takes all 32 symbols'
);

select * from finish();
