-- esdb.partitions tells what is sealed and archived from the notes, and the positions of open leaves from their indexes.
select plan(14);

create function pg_temp.leaf(months integer)
returns text
language sql
as $$select 'events_note_' || to_char(esdb._utc_month(clock_timestamp(), months) at time zone 'UTC', '"y"YYYY"m"MM')$$;

select results_eq(
    $$select min_position, max_position from esdb.partitions where partition = pg_temp.leaf(0)$$,
    'values (null::bigint, null::bigint)', 'an empty leaf has no positions'
);
select count(*) from esdb.append_events('s', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 5)
), 0, 'n', 'm');
select results_eq(
    $$select min_position, max_position, event_count, sealed_at from esdb.partitions where partition = pg_temp.leaf(0)$$,
    $$select min(position), max(position), null::bigint, null::timestamptz from esdb.events$$,
    'an open leaf has those of its events, and no count'
);
select results_eq(
    $$select esdb._edge_position('esdb.streams'::regclass, 1), esdb._edge_position('esdb.events_note'::regclass, 1), esdb._edge_position(0, 1)$$,
    'values (null::bigint, null::bigint, null::bigint)', 'what is no leaf has none'
);

-- what a query does not ask for is not looked up
create function pg_temp.locked()
returns bigint
language sql
as $$
select count(*)
from pg_locks as l
join pg_class as c on c.oid = l.relation
where l.pid = pg_backend_pid() and c.relispartition and c.relkind = 'r'
$$;
begin;
create temporary table seen as
select bounded_context, partition, kind, lower_bound, upper_bound, rows_estimate, event_count, sealed_at from esdb.partitions;
select is(pg_temp.locked(), 0::bigint, 'a list without positions and sizes touches no leaf');
select count(max_position) from esdb.partitions;
select is(pg_temp.locked(), 0::bigint, 'and one with them lets each go at once');
rollback;

insert into esdb.seals
    (number, bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest, sealed_at)
select
    number, 'n', esdb._utc_month(clock_timestamp(), number - 2), esdb._utc_month(clock_timestamp(), number - 1), 7,
    100 * number, 100 * number + 9, '', '', '2026-11-21 12:00:00+00'
from generate_series(1, 3) as number;
select results_eq(
    $$select kind, min_position, max_position, event_count, sealed_at from esdb.partitions where sealed_at is not null order by lower_bound$$,
    $$select 'month', 100 * n, 100 * n + 9, 7::bigint, '2026-11-21 12:00:00+00'::timestamptz from generate_series(1::bigint, 3) as n$$,
    'a sealed leaf has what its seal says'
);

insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)
select 'n', s.lower_bound, esdb._partition_name('note', s.lower_bound, s.upper_bound), '/archive', x.state, x.keeps_table, x.archived_at
from esdb.seals as s
join (
    values
        (1, 'archiving', false, null::timestamptz),
        (2, 'archived', true, '2026-11-21 13:00:00+00'),
        (3, 'archived', false, '2026-11-21 13:00:00+00')
) as x (number, state, keeps_table, archived_at) on x.number = s.number;
do $$
begin
    execute format('alter table esdb.events_note detach partition esdb.%I', pg_temp.leaf(0));
    execute format('drop table esdb.%I', pg_temp.leaf(1));
end
$$;
select results_eq(
    $$select partition collate "default", kind, lower_bound, upper_bound, min_position, event_count
    from esdb.partitions where bounded_context = 'n' order by lower_bound limit 3$$,
    $$select pg_temp.leaf(n - 2), (array['archiving', 'detached', 'archived'])[n], esdb._utc_month(clock_timestamp(), n - 2),
        esdb._utc_month(clock_timestamp(), n - 1), 100::bigint * n, 7::bigint
    from generate_series(1, 3) as n$$,
    'one on its way into an archive, one taken out whose table is kept, one without'
);
select is(count(*), 6::bigint, 'each partition has one row') from esdb.partitions where bounded_context = 'n';
select ok(total_bytes > table_bytes and table_bytes > 0, 'a kept table has its size')
from esdb.partitions
where kind = 'detached';
select results_eq(
    $$select table_bytes, index_bytes, toast_bytes, total_bytes from esdb.partitions where kind = 'archived'$$,
    'values (0::bigint, 0::bigint, 0::bigint, 0::bigint)', 'one without takes no place'
);
select set_eq(
    'select l.partition, l.kind from esdb._leaves as l',
    $$select p.partition, case p.kind when 'archiving' then 'month' else p.kind end
    from esdb.partitions as p
    where p.kind not in ('archived', 'detached')$$,
    'those in the tree, for the functions'
);
select is_empty('select from esdb._partition_plan()', 'none of this makes a partition due');
select is_empty(
    $$select p.partition from esdb_meta.leaves() as p where p.partition in (pg_temp.leaf(0), pg_temp.leaf(1))$$,
    'nor a leaf to visit'
);
select results_eq(
    $$select archives_unfinished, reasons from esdb.partition_status where bounded_context = 'n'$$,
    $$values (1::bigint, '{}'::text[])$$, 'an archive in the making is counted, and for a day no fault'
);

select * from finish();
