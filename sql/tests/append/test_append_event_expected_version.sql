-- append_event() takes an append only where expected_version fits: null any, 0 no stream yet, n exactly n, -1 any
-- existing stream.
select plan(18);

select is(a.version, 1::bigint, 'null starts a stream')
from esdb.append_event('any', 'Made', '{}', bounded_context => 'n', group_context => 'm') as a;
select is(a.version, 2::bigint, 'null continues a stream')
from esdb.append_event('any', 'Changed', '{}') as a;

select is(a.version, 1::bigint, '0 starts a stream')
from esdb.append_event('exact', 'Made', '{}', 0, 'n', 'm') as a;
select is(a.version, 2::bigint, 'the version itself continues it')
from esdb.append_event('exact', 'Changed', '{}', 1) as a;
select is(a.version, 3::bigint, '-1 continues an existing stream')
from esdb.append_event('exact', 'Changed', '{}', -1) as a;

select refused(
    format($$select esdb.append_event('exact', 'Changed', '{}', %s)$$, wrong.expected),
    'SE001',
    format('{"actual": 3, "expected": %s, "aggregate_id": "exact"}', wrong.expected),
    format('%s is a conflict on version 3', wrong.expected)
)
from (
    values
        (0::bigint),
        (1),
        (2),
        (4),
        (9223372036854775807)
) as wrong (expected);
select refused(
    $$select esdb.append_event('none', 'Made', '{}', 1, 'n', 'm')$$,
    'SE001', '{"actual": 0, "expected": 1, "aggregate_id": "none"}', 'a version of no stream is a conflict with 0'
);
select refused(
    $$select esdb.append_event('a "quoted" \ name', 'Made', '{}', 1, 'n', 'm')$$,
    'SE001', '%"aggregate_id": "a \\"quoted\\" \\\\ name"%', 'DETAIL stays JSON whatever the name'
);
select throws_ok(
    $$select esdb.append_event('exact', 'Changed', '{}', 1)$$,
    'SE001', 'version conflict: stream exact is at version 3, not 1', 'MESSAGE tells the conflict'
);
select refused(
    $$select esdb.append_event('none', 'Made', '{}', -1, 'n', 'm')$$,
    'SE003', '%-1%', '-1 is refused where there is no stream'
);
select refused(
    format($$select esdb.append_event('exact', 'Changed', '{}', %s)$$, below.expected),
    'SE009', 'expected_version: ' || below.expected, format('%s means nothing', below.expected)
)
from (
    values
        (-2::bigint),
        (-9223372036854775808)
) as below (expected);

select is(esdb.stream_version('exact'), 3::bigint, 'what was refused left the stream as it was');
select is(esdb.stream_version('none'), 0::bigint, 'and made none');

select * from finish();
