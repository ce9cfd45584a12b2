-- esdb.index_usage counts what each index is used for, by purpose over all partitions and by parts.
select plan(14);

select esdb.append_event('s-' || n, 'T', '{}', 0, 'n', 'm') from generate_series(1, 50) as n;
select esdb.append_event('t', 'T', '{}', 0, 'b', 'm');
create index mine on esdb.streams (updated_at);
do $$
begin
    execute (select format('create index mine_too on esdb.%I (recorded_by)', partition) from esdb.partitions
        where bounded_context = 'n' and kind = 'month' and lower_bound <= now() and upper_bound > now());
end
$$;
insert into esdb.optional_indexes values ('streams', true, true);
create index streams_type on esdb.streams (aggregate_type, aggregate_id);

select set_eq(
    $$select table_name || '.' || index_name, indexes, origin from esdb.index_usage where level = 'table' and table_name in ('esdb.events', 'esdb.streams')$$,
    $$values
        ('esdb.events.pkey', 54::bigint, 'key'),
        ('esdb.events.version', 54, 'key'),
        ('esdb.events.position', 54, 'key'),
        ('esdb.events.event_type', 54, 'esdb'),
        ('esdb.events.mine_too', 1, 'own'),
        ('esdb.streams.streams_pkey', 1, 'key'),
        ('esdb.streams.streams_type', 1, 'optional'),
        ('esdb.streams.mine', 1, 'own')$$,
    'each index, those of all partitions as one for each purpose, and whose it is'
);
select is_empty(
    $$select * from esdb.index_usage where level = 'table' and origin = 'own' and index_name not in ('mine', 'mine_too')$$,
    'what migrations made is nobody''s own'
);
select is(
    (select sum(indexes) from esdb.index_usage where level = 'table'),
    (select count(*)::numeric from pg_index as i join pg_class as c on c.oid = i.indrelid
    where c.relnamespace in ('esdb'::regnamespace, 'esdb_meta'::regnamespace) and c.relkind in ('r', 'm')),
    'none is left out'
);
select is(
    (select row(sum(index_bytes), sum(indexes)) from esdb.index_usage where level = parts.level),
    (select row(sum(index_bytes), sum(indexes)) from esdb.index_usage where level = 'table' and table_name = 'esdb.events'),
    format('the level %s adds up to esdb.events', parts.level)
)
from (values ('context'), ('month'), ('partition')) as parts (level);
select is(
    (select sum(index_bytes) from esdb.index_usage where level = 'table'),
    (select sum(index_bytes) from esdb.table_sizes where level = 'store'), 'the bytes are those of esdb.table_sizes'
);
select is(definition, 'btree (event_type, "position")', 'the definition tells the keys')
from esdb.index_usage
where level = 'context' and bounded_context = 'n' and index_name = 'event_type';
select is_empty(
    $$select * from esdb.index_usage where index_size <> pg_size_pretty(index_bytes) or cache_hits not between 0 and 1$$,
    'the text says what the number says, and a share is one'
);

-- what is counted: in transactions of their own
create temporary table before as
select level, table_name, index_name, scans, entries_read from esdb.index_usage;
-- of a table of two pages an index would not be read
set enable_seqscan = off;
select count(*) from generate_series(1, 20) as n cross join lateral esdb.read_stream('s-' || n);
select pg_stat_force_next_flush();
select is(
    (select u.scans - b.scans from esdb.index_usage as u join before as b using (level, table_name, index_name)
    where u.level = 'context' and u.table_name = 'esdb.events_note' and u.index_name = 'version'),
    20::bigint, 'reads of streams are scans of the context''s'
);
select is(
    (select u.scans - b.scans from esdb.index_usage as u join before as b using (level, table_name, index_name)
    where u.level = 'context' and u.table_name = 'esdb.events_bookmark' and u.index_name = 'version'),
    0::bigint, 'and of no other''s'
);
select is(
    (select u.scans - b.scans from esdb.index_usage as u join before as b using (level, table_name, index_name)
    where u.level = 'table' and u.table_name = 'esdb.events' and u.index_name = 'version'),
    20::bigint, 'they are counted in the whole'
);
select ok(
    (select max(last_scan) > now() - interval '1 minute' from esdb.index_usage)
    or current_setting('server_version_num')::integer < 160000 and (select max(last_scan) from esdb.index_usage) is null,
    'the last scan is told from PostgreSQL 16 on'
);

set role esdb_maintainer;
select ok(count(*) > 300, 'a maintainer may look') from esdb.index_usage;
reset role;

select * from finish();
