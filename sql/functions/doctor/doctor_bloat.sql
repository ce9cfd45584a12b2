-- How much of the tables that are updated, and of their indexes, is empty or dead: their size against what their rows should
-- take by the last ANALYZE. An estimate; leaves are never updated, so not asked. SECURITY DEFINER because statistics are
-- shown to who may read the table. Reads the catalog and sizes of files, locks nothing.
create or replace function esdb_meta.doctor_bloat()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
with tables as (
    select
        relation.oid,
        relation.relname,
        greatest(relation.reltuples, 0) as live,
        pg_relation_size(relation.oid) as bytes,
        coalesce((
            select o.option_value::integer
            from pg_options_to_table(relation.reloptions) as o
            where o.option_name = 'fillfactor'
        ), 100) / 100.0 as fill
    from pg_class as relation
    where relation.relnamespace = 'esdb'::regnamespace
        and relation.relkind = 'r'
        and not relation.relispartition
        -- a leaf that was detached
        and not starts_with(relation.relname::text, 'events_')
        and relation.reltuples >= 0
),
sized as (
    select
        'table' as kind,
        tables.relname,
        tables.bytes,
        -- a row's header and its pointer are 28 bytes, columns are aligned
        tables.live * (36 + (
            select coalesce(sum(s.avg_width * (1 - s.null_frac)), 0)
            from pg_stats as s
            where s.schemaname = 'esdb' and s.tablename = tables.relname
        )) / tables.fill as expected,
        format('vacuum (full, analyze) esdb.%I;', tables.relname) as mend
    from tables
    union all
    select
        'index',
        relation.relname,
        pg_relation_size(relation.oid),
        tables.live * (20 + (
            select coalesce(sum(s.avg_width), 0)
            from pg_attribute as a
            join pg_stats as s on s.attname = a.attname
            where a.attrelid = tables.oid and a.attnum = any (facts.indkey::smallint[])
                and s.schemaname = 'esdb' and s.tablename = tables.relname
        )) / 0.7,
        format('reindex index concurrently esdb.%I;', relation.relname)
    from tables
    join pg_index as facts on facts.indrelid = tables.oid
    join pg_class as relation on relation.oid = facts.indexrelid
    join pg_am as method on method.oid = relation.relam
    where method.amname = 'btree'
)
select
    'bloat',
    case when sized.bytes - sized.expected > 1073741824 then 'warning' else 'notice' end,
    format('%s esdb.%I', sized.kind, sized.relname),
    format('%s, of which its rows should take about %s', pg_size_pretty(sized.bytes), pg_size_pretty(sized.expected::bigint)),
    sized.mend,
    'sql'
from sized
where sized.bytes > 3 * sized.expected
    and sized.bytes - sized.expected > 33554432
$function$;

comment on function esdb_meta.doctor_bloat() is
    'Findings of `esdb doctor` about bloat of the updated tables and their indexes, estimated.';

revoke all on function esdb_meta.doctor_bloat() from public;
grant execute on function esdb_meta.doctor_bloat() to esdb_maintainer;
