-- A page of an export holds the lines of its events, as many as fit.
select plan(7);

select esdb.append_events('a', '[
    {"event_type": "Made", "payload": {"n": 1}}, {"event_type": "Moved", "payload": {"n": 2.50}},
    {"event_type": "Made", "payload": {"n": 3}}
]', bounded_context => 'b', group_context => 'm');

set timezone = 'UTC';
create temporary table expected as
select e.position, row_to_json(e)::text as line from esdb.events as e;
set timezone = 'Asia/Tokyo';
select is(
    (select convert_from(lines, 'UTF8') from esdb._export_page(0, esdb.high_water_mark(), 10, 100000)),
    (select string_agg(line, chr(10) order by position) from expected),
    'a line is the row as JSON, in UTC whatever the session''s zone'
);
select results_eq(
    'select line_count, page_count, has_more, is_cut from esdb._export_page(0, esdb.high_water_mark(), 10, 100000)',
    'values (3::bigint, 3::bigint, false, false)', 'the last page says so'
);
select results_eq(
    'select line_count, has_more, is_cut from esdb._export_page(0, esdb.high_water_mark(), 2, 100000)',
    'values (2::bigint, true, false)', 'a full one too'
);
select results_eq(
    'select line_count, has_more, is_cut from esdb._export_page(0, esdb.high_water_mark(), 10, 1)',
    'values (1::bigint, true, true)', 'too many bytes cut a page, behind one event at least'
);
select results_eq(
    $$select line_count, page_count from esdb._export_page(0, esdb.high_water_mark(), 10, 100000, event_types => array['Made'])$$,
    'values (2::bigint, 2::bigint)', 'types filter'
);
select results_eq(
    $$select lines, line_count, page_count from esdb._export_page(0, esdb.high_water_mark(), 10, 100000, until => '2001-01-01')$$,
    'values (null::bytea, 0::bigint, 3::bigint)', 'what is of another time is read, but left out'
);
select results_eq(
    $$select lines, page_count, has_more from esdb._export_page(esdb.high_water_mark(), esdb.high_water_mark(), 10, 100000)$$,
    'values (null::bytea, 0::bigint, false)', 'beyond the last there is nothing'
);

select * from finish();
