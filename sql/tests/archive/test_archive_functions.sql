-- The functions behind `esdb partitions archive` and `restore` refuse what is out of turn; an age needs its unit.
select plan(21);

select is(esdb._check_age('older_than', '2 years'), interval '2 years', 'an age is an interval');
select is(esdb._check_age('older_than', null), null, 'none is none');
select is(esdb._check_age('older_than', 'P90D'), interval '90 days', 'in any of the forms of an interval');
select throws_ok(
    format('select esdb._check_age(''older_than'', %L)', refused.age), 'SE009', 'invalid argument: older_than',
    format('no age: %s', refused.age))
from (
    values
        ('90'),
        (''),
        ('90 apples'),
        ('-1 day'),
        ('1001 years'),
        ('290000 years'),
        ('1 day ago')
) as refused (age);

create temporary table month as
select p.partition, p.lower_bound, p.upper_bound
from esdb.partitions as p
where p.bounded_context = 'n'
order by p.lower_bound
limit 1;
select throws_ok(
    format('select %s', called.statement), '55000', null, format('out of turn: %s', split_part(called.statement, '(', 1)))
from month as m
cross join lateral (
    values
        (format('esdb._begin_archive(''n'', %L, ''/archives'', false)', m.lower_bound)),
        (format('esdb._release_archive(''n'', %L)', m.lower_bound)),
        (format('esdb._finish_archive(''n'', %L)', m.lower_bound)),
        (format('esdb._begin_restore(''n'', %L)', m.lower_bound)),
        (format('esdb._restore_events(%L, ''{}'')', m.partition)),
        (format('esdb._finish_restore(''n'', %L, ''/archives'')', m.lower_bound)),
        (format('esdb._restore_plan(jsonb_build_object(''partition'', %L::text))', m.partition))
) as called (statement);
select lives_ok($$select esdb._withdraw_archive('n', lower_bound) from month$$, 'what was not begun is withdrawn without a word');
select is((select esdb._archive_facts('n', lower_bound) from month), null, 'what is not sealed has no facts');

select esdb.append_event('s', 'T', '{"a": [1, 2.50, "x"]}', 0, 'n', 'm');
select is(
    (select convert_from(l.line, 'UTF8') from esdb_meta.event_lines((
        select e.tableoid from esdb.events as e)) as l),
    (select row_to_json(e)::text from esdb.events as e),
    'a line is the event as JSON'
);
select is_empty(
    $$select from esdb_meta.event_lines((select e.tableoid from esdb.events as e), (select e.position from esdb.events as e))$$,
    'and none comes after the last'
);

select * from finish();
