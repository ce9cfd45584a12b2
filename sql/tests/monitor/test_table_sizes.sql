-- esdb.table_sizes tells rows, indexes and TOAST apart, and its levels are sums of the same bytes.
select plan(17);

select esdb.append_event('n-' || n, 'T', '{"n": 1}', 0, 'n', 'm') from generate_series(1, 300) as n;
-- a value that does not compress goes into TOAST
select esdb.append_event('large', 'T', jsonb_build_object('text', (
    select string_agg(md5(n::text), '') from generate_series(1, 3000) as n
)), 0, 'b', 'm');
-- what was counted comes before what is found, or it would be counted on top
select pg_stat_force_next_flush();
-- a map of its free space and one of what all see are the table's, too
vacuum analyze esdb.streams;
analyze esdb.events_note;

create temporary view leaf as
select p.* from esdb.partitions as p where p.kind <> 'archived';

select set_eq(
    $$select name, table_bytes, index_bytes, toast_bytes, total_bytes from esdb.table_sizes where level in ('table', 'partition') and name <> 'esdb.events'$$,
    $$select
        format('%I.%I', n.nspname, c.relname),
        pg_table_size(c.oid) - case c.reltoastrelid when 0 then 0 else pg_total_relation_size(c.reltoastrelid) end as rows,
        (select coalesce(sum(pg_total_relation_size(i.indexrelid)), 0)::bigint from pg_index as i where i.indrelid = c.oid) as indexes,
        coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as toast,
        pg_total_relation_size(c.oid)
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('esdb', 'esdb_meta') and c.relkind in ('r', 'm')$$,
    'each table of the store is there once, its rows, indexes and TOAST as the server has them'
);
select is(
    (select sum(total_bytes) from esdb.table_sizes where level = 'table'),
    (select sum(pg_total_relation_size(c.oid)) from pg_class as c
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and c.relkind in ('r', 'm')),
    'the tables are all of the store'
);
select is(
    (select total_bytes from esdb.table_sizes where level = 'store'),
    (select sum(total_bytes)::bigint from esdb.table_sizes where level = 'table'), 'so is the level store'
);
select is(
    (select row(sum(table_bytes), sum(index_bytes), sum(toast_bytes), sum(total_bytes), sum(partitions)) from esdb.table_sizes where level = parts.level),
    (select row(table_bytes::numeric, index_bytes::numeric, toast_bytes::numeric, total_bytes::numeric, partitions::numeric)
    from esdb.table_sizes where level = 'table' and name = 'esdb.events'),
    format('the level %s adds up to esdb.events', parts.level)
)
from (values ('context'), ('month'), ('partition')) as parts (level);

select results_eq(
    $$select name collate "default", total_bytes, partitions from esdb.table_sizes where level = 'context' and bounded_context = 'n'$$,
    $$select 'esdb.events_note', sum(l.total_bytes)::bigint, count(*) from leaf as l where l.bounded_context = 'n'$$,
    'a context is all of its partitions'
);
select results_eq(
    $$select name collate "default", lower_bound, total_bytes, partitions, bounded_context from esdb.table_sizes where level = 'month' and lower_bound is not null order by 2$$,
    $$select to_char(l.lower_bound at time zone 'UTC', 'YYYY-MM'), l.lower_bound, sum(l.total_bytes)::bigint, count(*), null::text
    from leaf as l where l.kind = 'month' group by 2 order by 2$$,
    'a month is that of all contexts'
);
select is(
    (select partitions from esdb.table_sizes where level = 'month' and name = 'overflow'), 9::bigint, 'the overflows stand apart'
);
select ok(toast_bytes > 40000 and table_bytes <= 16384, 'a large value is TOAST and no row')
from esdb.table_sizes
where level = 'context' and bounded_context = 'b';
select ok(table_bytes > 8192 and toast_bytes = 8192 * partitions, 'many small ones are rows and no TOAST')
from esdb.table_sizes
where level = 'context' and bounded_context = 'n';
select ok(table_bytes > pg_relation_size('esdb.streams'), 'its maps are a table''s, too')
from esdb.table_sizes
where name = 'esdb.streams';
select is(rows_estimate, 301::bigint, 'rows are those of the last ANALYZE') from esdb.table_sizes where name = 'esdb.streams';
select is(
    (select array[table_size, index_size, toast_size, total_size] from esdb.table_sizes where level = 'store'),
    (select array[pg_size_pretty(table_bytes), pg_size_pretty(index_bytes), pg_size_pretty(toast_bytes), pg_size_pretty(total_bytes)]
    from esdb.table_sizes where level = 'store'),
    'the text says what the numbers say'
);

-- spans, and an archived partition that kept its table
begin;
insert into esdb.seals (bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest)
select 'n', l.lower_bound, l.upper_bound, 300, 1, 300, '', ''
from leaf as l
where l.bounded_context = 'n' and l.table_bytes > 0;
insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)
select 'n', l.lower_bound, l.partition, '/archive', 'archived', true, now()
from leaf as l
where l.bounded_context = 'n' and l.table_bytes > 0;
do $$
begin
    execute (select format('alter table esdb.events_note detach partition esdb.%I', partition) from esdb.archives);
end
$$;
select results_eq(
    $$select s.name collate "default", s.bounded_context, s.lower_bound, s.partitions, s.rows_estimate from esdb.table_sizes as s
    join esdb.archives as a on s.name = 'esdb.' || a.partition where s.level in ('table', 'partition')$$,
    $$select ('esdb.' || a.partition) collate "default", 'n', a.lower_bound, 0::bigint, 300::bigint from esdb.archives as a$$,
    'what is archived and kept its table is a table of its own'
);
select is(
    (select total_bytes from esdb.table_sizes where level = 'store'),
    (select sum(total_bytes)::bigint from esdb.table_sizes where level = 'table'), 'and part of the store'
);
rollback;

-- whoever may not touch the tables may know their sizes
set role esdb_reader;
select ok(count(*) > 80, 'a reader may look') from esdb.table_sizes;
reset role;

select * from finish();
