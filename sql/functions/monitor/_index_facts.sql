-- What the views index_usage and index_health need to know of each index of the store's tables.
--
-- purpose: of a partition's index the name behind the partition's own, else its name. origin: key (it guards what is
-- unique), esdb (a function reads by it), optional (`esdb indexes` made it), own (somebody else did). expected_bytes: what
-- as many entries would take in a B-tree just built, null for other indexes and where nothing was analysed yet;
-- analysed_bytes: what they took then. Entries that share a key take less than that.
--
-- SECURITY DEFINER, because the widths of columns are shown to who may read the table. Reads the catalog;
-- waits, as pg_get_indexdef() does, where a table is locked for DDL.
create or replace function esdb._index_facts()
returns table (
    index oid,
    relation oid,
    purpose text,
    definition text,
    origin text,
    analysed_bytes bigint,
    expected_bytes bigint
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
set quote_all_identifiers = off
as $function$
with indexes as materialized (
    select
        facts.indexrelid,
        facts.indrelid,
        facts.indisunique,
        facts.indkey::smallint[] as keys,
        tables.kind,
        case
            when tables.kind <> 'table' and starts_with(relation.relname, of_table.relname || '_')
                then substr(relation.relname, length(of_table.relname) + 2)
            else relation.relname::text
        end as purpose,
        format('%I.%I', namespace.nspname, relation.relname) as full_name,
        -- options say how it is kept, not what it is
        regexp_replace(substring(pg_get_indexdef(facts.indexrelid) from ' USING (.*)$'), ' WITH [(][^)]*[)]', '') as definition,
        -- both as the same VACUUM or ANALYZE left them
        case when relation.relam = 403 and relation.reltuples >= 0 then relation.reltuples end as tuples,
        relation.relpages::bigint * current_setting('block_size')::bigint as bytes
    from esdb._tables as tables
    join pg_index as facts on facts.indrelid = tables.relation
    join pg_class as relation on relation.oid = facts.indexrelid
    join pg_namespace as namespace on namespace.oid = relation.relnamespace
    join pg_class as of_table on of_table.oid = facts.indrelid
),
known as (
    select
        true as stands_on_leaves,
        d.is_unique,
        format('%s (%s)', d.method, (select string_agg(quote_ident(c.name), ', ' order by c.place)
            from unnest(d.columns) with ordinality as c (name, place))) as definition,
        case when d.is_unique then 'key' else 'esdb' end as origin
    from esdb_meta._leaf_index_definitions() as d
    union all
    select o.stands_on_leaves, false, format('btree (%s)%s', o.keys, ' WHERE ' || o.predicate), 'optional'
    from esdb._optional_index_definitions() as o
),
widths as (
    select keys.indexrelid, sum(stats.avg_width) as width, bool_and(stats.avg_width is not null) as is_known
    from (
        select i.indexrelid, key.number, key.place,
            case when key.number = 0 then i.indexrelid else i.indrelid end as on_relation
        from indexes as i
        cross join lateral unnest(i.keys) with ordinality as key (number, place)
        where i.tuples > 0
    ) as keys
    join pg_attribute as attribute
        on attribute.attrelid = keys.on_relation
        and attribute.attnum = case when keys.number = 0 then keys.place else keys.number end
    join pg_class as owner_of on owner_of.oid = keys.on_relation
    join pg_namespace as namespace on namespace.oid = owner_of.relnamespace
    left join pg_stats as stats
        on stats.schemaname = namespace.nspname and stats.tablename = owner_of.relname and stats.attname = attribute.attname
        and not stats.inherited
    group by keys.indexrelid
)
select
    i.indexrelid,
    i.indrelid,
    i.purpose,
    i.definition,
    coalesce(
        known.origin,
        case
            when recorded.name is null then 'own'
            when i.indisunique then 'key'
            else 'esdb'
        end),
    i.bytes,
    case
        when i.tuples = 0 then least(i.bytes, 2 * block.size)
        when i.tuples > 0 and w.is_known
            -- header and keys in steps of 8 bytes, and a pointer; pages nine tenths full, their upper levels a hundredth
            then ((2 + ceil(i.tuples * (ceil((8 + w.width) / 8.0) * 8 + 4) / (0.9 * (block.size - 40)) * 1.01)) * block.size)::bigint
    end
from indexes as i
cross join (select current_setting('block_size')::bigint as size) as block
left join widths as w on w.indexrelid = i.indexrelid
left join known
    on known.definition = i.definition and known.is_unique = i.indisunique and known.stands_on_leaves = (i.kind <> 'table')
    and (known.stands_on_leaves or i.indrelid = 'esdb.streams'::regclass)
left join esdb_meta.objects as recorded on recorded.kind = 'index' and recorded.name = i.full_name
$function$;

comment on function esdb._index_facts() is
    'What each index is for, whose it is and how large it need be, for the views index_usage and index_health.';

revoke all on function esdb._index_facts() from public;
-- the views call it as their reader
grant execute on function esdb._index_facts() to esdb_reader, esdb_writer, esdb_maintainer;
