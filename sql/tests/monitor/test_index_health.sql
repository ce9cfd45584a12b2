-- esdb.index_health says what is wrong with an index, and what it says to do mends it.
select plan(28);

call take_the_clock();
create temporary view found as
select h.index_name collate "default" as index_name, h.origin, h.is_valid, h.reasons, h.mended_by
from esdb.index_health as h
where h.reasons <> '{}';
create temporary table leaf as
select partition collate "default" as name from esdb.partitions where bounded_context = 'n' and kind = 'month' and lower_bound <= now() and upper_bound > now();
create function pg_temp.on_leaf(statement text)
returns void
language plpgsql
as $$begin execute replace(statement, 'LEAF', (select name from leaf)); end$$;
-- CONCURRENTLY cannot be had in a function: all the rest of the statement
create function pg_temp.mend()
returns void
language plpgsql
as $$
declare
    _statement text;
begin
    for _statement in
        select s.text from found as f cross join lateral unnest(f.mended_by) with ordinality as s (text, place) order by f.index_name, s.place
    loop
        execute replace(_statement, ' concurrently', '');
    end loop;
end
$$;

select is_empty('select * from found', 'a new store is well');
select is(count(*), 54 * 4 + (
    select count(*) from pg_index as i join pg_class as c on c.oid = i.indrelid
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and not c.relispartition and c.relkind in ('r', 'm')
), 'every index has its row')
from esdb.index_health;

select is_empty('select * from esdb.index_health where definition !~ ''^btree'' and bloat is not null', 'of what is no B-tree nobody knows the bloat');

-- missing
select pg_temp.on_leaf('alter table esdb.LEAF drop constraint LEAF_pkey');
select pg_temp.on_leaf('alter table esdb.LEAF drop constraint LEAF_version');
select pg_temp.on_leaf('drop index esdb.LEAF_event_type');
select results_eq(
    'select index_name, origin, is_valid, reasons from found order by 1',
    $$select 'esdb.' || leaf.name || m.suffix, m.origin, false, array[m.reason]
    from leaf
    cross join (
        values
            ('_pkey', 'key', 'missing: nothing keeps what is to be unique from being there twice'),
            ('_version', 'key', 'missing: nothing keeps what is to be unique from being there twice'),
            ('_event_type', 'esdb', 'missing: reads that go by it are slow')
    ) as m (suffix, origin, reason)
    order by 1$$,
    'indexes that were dropped are missing'
);
select isnt_empty('select * from esdb_meta.partition_faults()', 'as esdb verify says');
select lives_ok('select pg_temp.mend()', 'what mends them');
select is_empty('select * from found', 'mends them');
select is_empty('select * from esdb_meta.partition_faults()', 'for esdb verify, too');
-- a month that is over has two more; here it is the first of a context without events
insert into esdb.seals (bounded_context, lower_bound, upper_bound, event_count, events_digest, digest)
select l.bounded_context, l.lower_bound, l.upper_bound, 0, '', ''
from esdb._leaves as l
where l.bounded_context = 'n' and l.lower_bound = (select min(o.lower_bound) from esdb._leaves as o);
select results_eq(
    $$select substring(index_name from '_[a-z]+$'), origin, reasons from found order by index_name collate "C"$$,
    $$values ('_context', 'esdb', array['missing: reads that go by it are slow']),
        ('_timestamp', 'esdb', array['missing: reads that go by it are slow'])$$,
    'what comes with the seal is missing from a sealed leaf alone'
);
select pg_temp.mend();
select is_empty('select * from found', 'and is mended');
select is_empty($$select * from esdb_meta.partition_faults() where fault ~ '^no ' and fault !~ 'trigger'$$, 'for esdb verify, too');
delete from esdb.seals;
insert into esdb.optional_indexes values ('streams', true, false);
select results_eq(
    'select index_name, origin, mended_by from found order by 1',
    $$values ('esdb.streams_context', 'optional', array['esdb indexes enable streams']),
        ('esdb.streams_type', 'optional', array['esdb indexes enable streams'])$$,
    'an optional index that is wanted is missing, too'
);
delete from esdb.optional_indexes;

-- invalid
update pg_index set indisvalid = false
where indexrelid = (select format('esdb.%I', name || '_position')::regclass from leaf);
select is((select is_valid from found), false, 'an index that a killed command left is invalid');
select results_eq('select reasons, mended_by from found',
    $$select array['invalid: no query reads by it, and every append may still write it'], array[format('reindex index concurrently esdb.%I', name || '_position')] from leaf$$,
    'which is told');
select lives_ok('select pg_temp.mend()', 'reindexing');
select is_empty('select * from found', 'mends it');
select pg_temp.on_leaf('create unique index LEAF_position_ccnew on esdb.LEAF (position)');
update pg_index set indisvalid = false
where indexrelid = (select format('esdb.%I', name || '_position_ccnew')::regclass from leaf);
select results_eq('select mended_by from found',
    $$select array[format('drop index concurrently esdb.%I', name || '_position_ccnew')] from leaf$$,
    'what a killed REINDEX left is to be dropped');
select pg_temp.mend();

-- duplicate, unused
create index twin on esdb.streams (aggregate_id);
select results_eq('select index_name, reasons, mended_by from found',
    $$values ('esdb.twin', array['the same as another index of the table'], array['drop index concurrently esdb.twin'])$$,
    'an index that is there twice');
select pg_temp.mend();
select is_empty('select * from found', 'is dropped');
select count(*) from esdb.append_events('s', (
    select jsonb_agg(jsonb_build_object('event_type', repeat('T', 100), 'payload', '{}'::jsonb)) from generate_series(1, 10000) as n
), 0, 'n', 'm');
select pg_temp.on_leaf('create index mine on esdb.LEAF (action_type, version, event_type)');
select pg_temp.on_leaf('analyze esdb.LEAF');
select is_empty('select * from found', 'an index of one''s own need not be used at once');
set test.later = '31 days';
select ok(
    (select reasons[1] ~ '^unused since 2.* at least$' and mended_by = array['drop index concurrently esdb.mine'] from found),
    'but within a month'
);
do $$
begin
    set local enable_seqscan = off;
    perform from esdb.events as e
    where e.bounded_context = 'n' and e.action_type = 'update' and e.version = 7 and e.timestamp <= now() and e.timestamp > now() - interval '1 day';
end
$$;
select pg_stat_force_next_flush();
select is_empty('select * from found', 'one that is read by stays');
reset test.later;

-- bloated
insert into esdb.idempotency_keys (aggregate_id, key, first_version, event_count, created_at)
select 's', repeat(md5(n::text), 12), n, 1, now() from generate_series(1, 35000) as n;
analyze esdb.idempotency_keys;
select ok(bloat < 0.5 and index_bytes > 10 * 1024 * 1024 and bloat_bytes < index_bytes, 'an index that grew by itself is not bloated')
from esdb.index_health
where index_name = 'esdb.idempotency_keys_pkey';
select is_empty('select * from found', 'so nothing is told');
delete from esdb.idempotency_keys where first_version % 5 > 0;
vacuum analyze esdb.idempotency_keys;
select matches((select reasons[1] from found), '^bloated: .* of .* are needed$', 'one of which most was deleted is');
select ok(bloat > 0.5 and bloat <= 1, 'and by how much') from esdb.index_health where index_name = 'esdb.idempotency_keys_pkey';
select pg_temp.mend();
select is_empty('select * from found', 'building it anew mends it');

set role esdb_reader;
select is(count(bloat) > 0, true, 'a reader may look, and sees the estimates') from esdb.index_health;
reset role;

select * from finish();
