-- esdb.partitions shows the tree: a row a leaf with its context, kind, bounds and sizes.
select plan(13);

set timezone = 'Pacific/Kiritimati';

select set_eq(
    'select partition from esdb.partitions',
    $$select c.relname::text from pg_partition_tree('esdb.events') as t join pg_class as c on c.oid = t.relid where t.isleaf$$,
    'every leaf has its row'
);
select set_eq(
    'select distinct bounded_context::text, context_name::text from esdb.partitions',
    'select code::text, name::text from esdb.bounded_contexts',
    'with its context''s code and name'
);
select is_empty(
    $$select c.code, p.kind, count(*)
    from esdb.bounded_contexts as c
    left join esdb.partitions as p on p.bounded_context = c.code and p.kind = 'overflow'
    group by c.code, p.kind
    having count(p.partition) <> 1$$,
    'every context has one overflow'
);
select results_eq(
    $$select p.lower_bound, p.upper_bound from esdb.partitions as p where p.bounded_context = 'n' and p.kind = 'month' order by p.lower_bound$$,
    $$select esdb._utc_month(statement_timestamp(), n), esdb._utc_month(statement_timestamp(), n + 1) from generate_series(-1, 3) as n$$,
    'a new store has last month, this month and three ahead, in UTC whatever the session''s time zone'
);
select results_eq(
    $$select p.lower_bound, p.upper_bound from esdb.partitions as p where p.bounded_context = 'n' and p.kind = 'overflow'$$,
    $$select max(p.upper_bound), null::timestamptz from esdb.partitions as p where p.bounded_context = 'n' and p.kind = 'month'$$,
    'the overflow begins where the last month ends and has no end'
);
select is_empty(
    $$select p.partition from esdb.partitions as p
    where p.partition <> case when p.kind = 'overflow' then 'events_' || p.context_name || '_overflow'
        else esdb._partition_name(p.context_name, p.lower_bound, p.upper_bound) end$$,
    'names follow context and bounds'
);
select is_empty('select from esdb.partitions where kind = ''span''', 'a new store has no span');

set datestyle = 'SQL, DMY';
set timezone = 'Asia/Kolkata';
select results_eq(
    $$select p.lower_bound, p.kind from esdb.partitions as p where p.bounded_context = 'n' and p.kind = 'month' order by p.lower_bound$$,
    $$select esdb._utc_month(statement_timestamp(), n), 'month' from generate_series(-1, 3) as n$$,
    'the same bounds under a style of dates that names time zones by abbreviations'
);
reset datestyle;

-- sizes and rows
create temporary table before as
select partition, table_bytes, index_bytes from esdb.partitions;
select is_empty(
    'select from esdb.partitions where rows_estimate is not null', 'rows are unknown before the first analysis'
);
select count(*) from esdb.append_events('s', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 200)
), 0, 'n', 'm');
analyze esdb.events;
select is(sum(rows_estimate), 200::numeric, 'and estimated after it') from esdb.partitions where bounded_context = 'n';
select results_eq(
    'select count(*) from esdb.partitions as p join before as b using (partition) where p.table_bytes > b.table_bytes',
    'values (1::bigint)', 'the leaf that was written to has grown, no other'
);
select is_empty(
    'select from esdb.partitions where total_bytes < table_bytes + index_bytes + toast_bytes or index_bytes <= 0',
    'the total holds table, indexes and TOAST'
);

begin;
alter table esdb.events_note detach partition esdb.events_note_overflow;
alter table esdb.events_note_overflow rename to events_note_span;
do $$
begin
    execute (
        select format(
            'alter table esdb.events_note attach partition esdb.events_note_span for values from (%L) to (%L)',
            max(upper_bound), esdb._utc_month(max(upper_bound), 3))
        from esdb.partitions
        where bounded_context = 'n');
end
$$;
select is(kind, 'span', 'a leaf of several months is a span') from esdb.partitions where partition = 'events_note_span';
rollback;

select * from finish();
