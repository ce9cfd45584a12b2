-- append_events() takes expected_version as append_event() does; what is refused writes none of the events.
select plan(15);

create function pg_temp.append(aggregate_id text, expected bigint, count integer default 2)
returns setof bigint
language sql
as $$
select a.version
from esdb.append_events(
    aggregate_id,
    (select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, count)),
    expected, 'n', 'm') as a
$$;

select results_eq($$select pg_temp.append('any', null)$$, 'values (1::bigint), (2)', 'null starts a stream');
select results_eq($$select pg_temp.append('any', null)$$, 'values (3::bigint), (4)', 'null continues it');
select results_eq($$select pg_temp.append('exact', 0)$$, 'values (1::bigint), (2)', '0 starts a stream');
select results_eq($$select pg_temp.append('exact', 2, 3)$$, 'values (3::bigint), (4), (5)', 'its version continues it');
select results_eq($$select pg_temp.append('exact', -1, 1)$$, 'values (6::bigint)', '-1 continues an existing stream');
select refused(
    format($$select pg_temp.append('exact', %s)$$, wrong.expected),
    'SE001', format('{"actual": 6, "expected": %s, "aggregate_id": "exact"}', wrong.expected),
    format('%s is a conflict on version 6', wrong.expected)
)
from (
    values
        (0),
        (1),
        (5),
        (7),
        (8)
) as wrong (expected);
select refused($$select pg_temp.append('none', 3)$$,
    'SE001', '{"actual": 0, "expected": 3, "aggregate_id": "none"}', 'a version of no stream is a conflict with 0');
select refused($$select pg_temp.append('none', -1)$$, 'SE003', '%', '-1 is refused where there is no stream');
select refused($$select pg_temp.append('none', -2)$$, 'SE009', 'expected_version: -2', '-2 means nothing');

select is((select count(*) from esdb.read_stream('exact')), 6::bigint, 'what was refused wrote nothing');
select is(esdb.stream_version('none'), 0::bigint, 'and made no stream');

select * from finish();
