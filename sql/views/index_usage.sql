-- How much the indexes of the store's tables are used: each, and those of esdb.events by context, month and partition.
-- Each is measured once. Locks each index in ACCESS SHARE for the moment that it is measured.
create or replace view esdb.index_usage as
with measured as materialized (
    select
        facts.relation,
        facts.purpose,
        facts.definition,
        facts.origin,
        counted.idx_scan as scans,
        counted.idx_tup_read as entries_read,
        counted.idx_tup_fetch as rows_fetched,
        -- a column since PostgreSQL 16
        (pg_catalog.to_jsonb(counted) ->> 'last_idx_scan')::timestamptz as last_scan,
        pg_catalog.pg_stat_get_blocks_hit(facts.index) as blocks_hit,
        pg_catalog.pg_stat_get_blocks_fetched(facts.index) as blocks_fetched,
        pg_catalog.pg_total_relation_size(facts.index) as index_bytes
    from esdb._index_facts() as facts
    join pg_catalog.pg_stat_all_indexes as counted on counted.indexrelid = facts.index
)
select
    part.level,
    part.name as table_name,
    measured.purpose as index_name,
    part.bounded_context,
    part.lower_bound,
    measured.definition,
    measured.origin,
    count(*) as indexes,
    sum(measured.scans)::bigint as scans,
    max(measured.last_scan) as last_scan,
    sum(measured.entries_read)::bigint as entries_read,
    sum(measured.rows_fetched)::bigint as rows_fetched,
    pg_catalog.round(sum(measured.blocks_hit) / nullif(sum(measured.blocks_fetched), 0), 3) as cache_hits,
    sum(measured.index_bytes)::bigint as index_bytes,
    pg_catalog.pg_size_pretty(sum(measured.index_bytes)) as index_size,
    (
        select d.stats_reset
        from pg_catalog.pg_stat_database as d
        where d.datname = pg_catalog.current_database()
    ) as counted_since
from measured
join esdb._tables_in_parts as part on part.relation = measured.relation
where part.level <> 'store'
group by
    part.place, part.level, part.name, measured.purpose, part.bounded_context, part.lower_bound, measured.definition,
    measured.origin
order by part.place, part.name, measured.purpose;

comment on view esdb.index_usage is
    'How much each index is used. level table: each index of each table, those of esdb.events as one for each purpose; context, month (its start; overflow: those of all contexts), partition: esdb.events in parts. origin: key (it guards what is unique), esdb (a function of the store reads by it), optional (`esdb indexes` made it), own (somebody else did). scans, last_scan (null before PostgreSQL 16), entries_read, rows_fetched and cache_hits (the share of blocks found in memory; null: none were asked for) are counted since counted_since, null: since the server''s statistics began, which a crash begins anew. A query measures each index whatever it asks for: up to a second for a thousand partitions, and waits where one is locked for DDL (set lock_timeout). Worry when an optional or own index of many bytes has had no scans for a month: each costs every append some microseconds; never about a key or one of esdb''s, which esdb verify wants; and when cache_hits of streams_pkey or of the current month''s indexes falls below 0.99: shared_buffers is too small.';

revoke all on esdb.index_usage from public;
grant select on esdb.index_usage to esdb_reader, esdb_writer, esdb_maintainer;
