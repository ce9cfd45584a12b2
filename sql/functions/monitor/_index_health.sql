-- The rows of the view index_health: every index of the store's tables, and those that should be there and are not, with
-- what is wrong and what mends it. Reads the catalog, the statistics and once the lock table; waits where
-- _index_facts() does, and keeps no lock.
create or replace function esdb._index_health()
returns table (
    table_name text,
    index_name text,
    bounded_context text,
    lower_bound timestamptz,
    definition text,
    origin text,
    is_valid boolean,
    scans bigint,
    index_bytes bigint,
    index_size text,
    bloat_bytes bigint,
    bloat numeric,
    reasons text[],
    mended_by text[]
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with indexes as materialized (
    select
        facts.*,
        tables.table_name,
        tables.bounded_context,
        tables.lower_bound,
        tables.is_leaf,
        min(facts.index) filter (where catalogued.indisvalid) over twins as first_twin,
        bool_or(facts.origin <> 'own' and catalogued.indisvalid) over twins as has_required_twin,
        format('%I.%I', namespace.nspname, relation.relname) as index_name,
        catalogued.indisvalid and catalogued.indisready as is_valid,
        catalogued.indisunique as is_unique,
        -- what a REINDEX CONCURRENTLY leaves behind that was cut short
        relation.relname ~ '_cc(new|old)[0-9]*$' and not catalogued.indisvalid as is_leftover,
        pg_stat_get_numscans(facts.index) as scans,
        sum(pg_stat_get_numscans(facts.index)) over same as scans_of_all,
        sum(facts.analysed_bytes) over same as bytes_of_all,
        -- greatest() alone would take what is unknown for nothing
        case when facts.expected_bytes is not null then greatest(facts.analysed_bytes - facts.expected_bytes, 0) end as bloat_bytes
    from esdb._index_facts() as facts
    join esdb._tables as tables on tables.relation = facts.relation
    join pg_index as catalogued on catalogued.indexrelid = facts.index
    join pg_class as relation on relation.oid = facts.index
    join pg_namespace as namespace on namespace.oid = relation.relnamespace
    window
        same as (partition by facts.purpose, facts.definition, tables.is_leaf),
        twins as (partition by facts.relation, facts.definition)
),
counted as materialized (
    select coalesce(d.stats_reset, pg_postmaster_start_time()) as since
    from pg_stat_database as d
    where d.datname = current_database()
),
-- the lock of `esdb indexes`, whose key is 29284::bigint << 48: what it is about to make is not missing
at_work as (
    select exists (
        select
        from pg_locks as l
        where l.locktype = 'advisory' and l.objsubid = 1 and (l.classid::bigint >> 16) = 29284 and l.granted
            and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    ) as is_so
),
builders as (
    select l.relation, min(l.pid) as pid
    from pg_locks as l
    where l.locktype = 'relation' and l.mode = 'ShareUpdateExclusiveLock' and l.granted and l.pid is not null
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    group by l.relation
),
judged as (
    select i.*, found.kind, found.reason, found.mended_by
    from indexes as i
    cross join counted
    left join builders as b on b.relation = i.relation
    left join esdb._optional_index_definitions() as optional
        on i.origin = 'optional' and optional.suffix = i.purpose
    cross join lateral (
        select
            1,
            'invalid: no query reads by it, and every append may still write it'
            || coalesce('; the session ' || b.pid || ' may be building it', ''),
            case
                when b.pid is not null then null
                -- to build one's own again may fail as it did before
                when i.is_leftover or i.origin = 'own' then format('drop index concurrently %s', i.index_name)
                when i.origin = 'optional' then format('esdb indexes enable %s', optional.name)
                else format('reindex index concurrently %s', i.index_name)
            end
        where not i.is_valid
        union all
        select
            2,
            format('bloated: %s of %s are needed', pg_size_pretty(i.expected_bytes), pg_size_pretty(i.analysed_bytes)),
            format('reindex index concurrently %s', i.index_name)
        where i.is_valid and i.analysed_bytes >= 10 * 1024 * 1024 and i.expected_bytes * 2 < i.analysed_bytes
        union all
        select
            3,
            'the same as another index of the table',
            format('drop index concurrently %s', i.index_name)
        where i.is_valid and i.origin = 'own' and not i.is_unique and (i.has_required_twin or i.index <> i.first_twin)
        union all
        select
            4,
            format('unused since %s at least', counted.since::date),
            case
                when i.origin = 'optional' then format('esdb indexes disable %s', optional.name)
                else format('drop index concurrently %s', i.index_name)
            end
        where i.is_valid and i.origin in ('optional', 'own') and not i.is_unique
            and i.scans_of_all = 0 and i.bytes_of_all >= 1024 * 1024
            and counted.since < clock_timestamp() - interval '30 days'
    ) as found (kind, reason, mended_by)
)
select
    i.table_name,
    i.index_name,
    i.bounded_context,
    i.lower_bound,
    i.definition,
    i.origin,
    i.is_valid,
    i.scans,
    i.analysed_bytes,
    pg_size_pretty(i.analysed_bytes),
    i.bloat_bytes,
    round(i.bloat_bytes::numeric / nullif(i.analysed_bytes, 0), 2),
    coalesce(j.reasons, '{}'),
    coalesce(j.mended_by, '{}')
from indexes as i
left join (
    select
        f.index,
        array_agg(f.reason order by f.kind) as reasons,
        array_agg(f.mended_by order by f.kind) filter (where f.mended_by is not null) as mended_by
    from judged as f
    group by f.index
) as j on j.index = i.index
union all
select
    tables.table_name,
    format('esdb.%I', named.index_name),
    tables.bounded_context,
    tables.lower_bound,
    w.definition,
    w.origin,
    false,
    null,
    null,
    null,
    null,
    null,
    array['missing: ' || w.consequence],
    (
        select array_agg(format(s.text, named.index_name, tables.table_name) order by s.place)
        from unnest(w.mended_by) with ordinality as s (text, place)
    )
from esdb._tables as tables
cross join at_work
join esdb._wanted_indexes() as w on w.stands_on_leaves = tables.is_leaf
join pg_class as relation on relation.oid = tables.relation
cross join lateral (select relation.relname || '_' || w.suffix as index_name) as named
left join indexes as i
    on i.relation = tables.relation and i.definition = w.definition and i.is_unique = w.is_unique and not i.is_leftover
where (tables.is_leaf or tables.relation = 'esdb.streams'::regclass)
    and i.index is null
    and not (w.origin = 'optional' and at_work.is_so)
    and (
        not w.comes_with_seal
        or exists (
            select
            from esdb.seals as s
            where s.bounded_context = tables.bounded_context and s.lower_bound = tables.lower_bound
        )
    )
order by 1, 2
$function$;

comment on function esdb._index_health() is 'The rows of the view index_health.';

revoke all on function esdb._index_health() from public;
-- the view calls it as its reader
grant execute on function esdb._index_health() to esdb_reader, esdb_writer, esdb_maintainer;
