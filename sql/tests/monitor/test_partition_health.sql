-- esdb.partition_health says by the clock and the server's statistics what a partition lacks, and what mends it.
select plan(26);

call take_the_clock();
create temporary view note as
select h.partition collate "default" as partition, h.state, h.lower_bound, h.rows_estimate, h.dead_rows, h.reasons, h.mended_by, h.visible
from esdb.partition_health as h
where h.bounded_context = 'n';
create function pg_temp.mend()
returns void
language plpgsql
as $$
declare
    _statement text;
begin
    for _statement in
        select s.text from note as n cross join lateral unnest(n.mended_by) as s (text) where s.text !~ '^(vacuum|esdb)'
    loop
        execute _statement;
    end loop;
end
$$;
create temporary table leaf as
select partition as name, 'esdb.' || partition as full_name from note where lower_bound = pg_temp.month(0);

select results_eq(
    'select state, rows_estimate, reasons, mended_by from note order by lower_bound',
    $$values ('due', null::bigint, '{}'::text[], '{}'::text[]), ('current', null, '{}', '{}'), ('ahead', null, '{}', '{}'),
        ('ahead', null, '{}', '{}'), ('ahead', null, '{}', '{}'), ('overflow', null, '{}', '{}')$$,
    'a new store is well'
);
select is(count(*), 54::bigint, 'every partition has its row') from esdb.partition_health;

-- by the clock
select pg_temp.at(pg_temp.month(1) + interval '2 days');
select results_eq(
    'select state, reasons from note order by lower_bound limit 3',
    $$values ('due', array['due for sealing since ' || (pg_temp.month(0) + interval '1 day')::date]), ('due', '{}'), ('current', '{}')$$,
    'a partition is due for sealing a day after its end, and a month later it is told'
);
select results_eq('select distinct mended_by from note where reasons <> ''{}''', $$values (array['esdb maintain'])$$, 'with what to do');
update esdb.bounded_contexts set retain = '1 day' where code = 'n';
select ok(
    (select array['past the time to be kept since ' || (pg_temp.month(0) + interval '1 day')::date] <@ reasons
    and array['esdb partitions archive'] <@ mended_by from note order by lower_bound limit 1),
    'so is one that is past its time'
);
update esdb.bounded_contexts set retain = null where code = 'n';
reset test.later;

-- the overflow
select pg_temp.at(pg_temp.month(4) + interval '1 day');
select esdb.append_event('late', 'T', '{}', 0, 'n', 'm');
select pg_stat_force_next_flush();
select results_eq('select reasons[1], mended_by[1] from note where state = ''overflow''',
    $$values ('holds about 1 events: no month was there for them', 'esdb partitions create-next')$$, 'a used overflow is told');
alter table esdb.events_note_overflow add constraint spans_until_2099_04 check (timestamp < '2099-04-01') not valid;
select is(reasons[1], 'has an unfinished bound: appends fail from 2099-04-01 on', 'an unfinished bound comes first')
from note
where state = 'overflow';
alter table esdb.events_note_overflow drop constraint spans_until_2099_04;
select pg_stat_reset_single_table_counters('esdb.events_note_overflow'::regclass);
select is(reasons[1], 'holds about 1 events: no month was there for them', 'it is told also when a crash has lost the statistics')
from note
where state = 'overflow';
reset test.later;

-- what autovacuum should have done
do $$
begin
    execute (select format('alter table %s set (autovacuum_enabled = off)', full_name) from leaf);
end
$$;
select results_eq('select reasons, mended_by from note as n where n.state = ''current''',
    $$select array['autovacuum is switched off for it'], array[format('alter table %s reset (autovacuum_enabled)', full_name)] from leaf$$,
    'autovacuum that is switched off is told');
select count(*) from esdb.append_events('many', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 10000) as n
), 0, 'n', 'm');
select count(*) from esdb.append_events('many', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 10000) as n
));
select pg_stat_force_next_flush();
select is(rows_estimate, 20000::bigint, 'rows are counted before the first ANALYZE') from note where state = 'current';
select set_config('test.later', '61 minutes', false);
select is(reasons[2], 'not analysed for 20000 rows: plans go by old figures', 'an ANALYZE that is missing is told')
from note
where lower_bound = pg_temp.month(0);
select pg_temp.mend();
select is_empty('select from note where lower_bound = pg_temp.month(0) and reasons <> ''{}''', 'what mends both does');
select is(rows_estimate, 20000::bigint, 'rows are those of the last ANALYZE') from note where lower_bound = pg_temp.month(0);
begin;
select count(*) from esdb.append_events('undone', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 10000) as n
), 0, 'n', 'm');
select count(*) from esdb.append_events('undone', (
    select jsonb_agg('{"event_type": "T", "payload": {}}'::jsonb) from generate_series(1, 10000) as n
));
rollback;
select pg_stat_force_next_flush();
select ok(
    dead_rows = 20000 and 'not vacuumed for 40000 appended and 20000 dead rows' = any(reasons)
    and format('vacuum (analyze) esdb.%I', partition) = any(mended_by),
    'what rolled-back appends left is told'
)
from note
where lower_bound = pg_temp.month(0);
-- VACUUM believes a commit only when it is on disk, and this server does not wait for that
checkpoint;
vacuum (analyze) esdb.events_note;
select is_empty('select from note where lower_bound = pg_temp.month(0) and reasons <> ''{}''', 'until it is vacuumed');
select is(visible, 1.00, 'then all see its pages') from note where lower_bound = pg_temp.month(0);
reset test.later;

-- sealed
insert into esdb.seals (bounded_context, lower_bound, upper_bound, event_count, min_position, max_position, events_digest, digest, sealed_at)
values ('n', pg_temp.month(0), pg_temp.month(1), 20000, 2, 20001, '', '', now());
select results_eq('select state, reasons from note where lower_bound = pg_temp.month(0)', $$values ('sealed', '{}'::text[])$$, 'a seal is seen');
update pg_class set relallvisible = 0 where oid = (select full_name::regclass from leaf);
select set_config('test.later', '61 minutes', false);
select results_eq('select reasons, mended_by from note where lower_bound = pg_temp.month(0)',
    $$select array['sealed, and 1.00 of its pages not vacuumed since'], array[format('vacuum (freeze, analyze) %s', full_name)] from leaf$$,
    'a VACUUM that is missing after it, too');
vacuum (freeze, analyze) esdb.events_note;
select is_empty('select from note where lower_bound = pg_temp.month(0) and reasons <> ''{}''', 'until it is done');
reset test.later;

-- wraparound
alter function pg_catalog.age(xid) rename to real_age;
create function pg_catalog.age(id xid)
returns integer
language sql
stable
as $$select pg_catalog.real_age(id) + 219000000$$;
discard plans;
select is_empty('select from note where state <> ''overflow'' and reasons <> ''{}''', 'as long as autovacuum has time, an old one is not told');
create or replace function pg_catalog.age(id xid)
returns integer
language sql
stable
as $$select pg_catalog.real_age(id) + 221000000$$;
discard plans;
select is(count(*), 6::bigint, 'what it did not freeze in time is')
from note
where exists (select from unnest(reasons) as r (reason) where reason ~ '^not frozen for 221[0-9]{6} transactions')
    and format('vacuum (freeze) esdb.%I', partition) = any(mended_by);

-- it looks at no partition
begin;
lock table esdb.events_note in access exclusive mode;
select is(count(*), 54::bigint, 'it answers while a partition is locked') from esdb.partition_health;
select is(count(distinct relation), 0::bigint, 'and locks none')
from pg_locks
where pid = pg_backend_pid() and locktype = 'relation' and mode = 'AccessShareLock'
    and relation in (select c.oid from pg_class as c where c.relname ~ '^events_' and c.relkind = 'r');
rollback;
begin;
select count(*) from esdb.index_health;
select count(*) from esdb.index_usage;
select count(*) from esdb.table_sizes;
select is(count(*), 0::bigint, 'nor do the views of sizes and indexes keep a lock on any')
from pg_locks
where pid = pg_backend_pid() and locktype = 'relation'
    and relation in (select c.oid from pg_class as c where c.relname ~ '^events_' and c.relkind in ('r', 'i'));
rollback;

set role esdb_maintainer;
select is(count(*), 54::bigint, 'a maintainer may look') from esdb.partition_health;
set role esdb_reader;
select is(count(*), 54::bigint, 'and a reader') from esdb.partition_health;
reset role;

select * from finish();
