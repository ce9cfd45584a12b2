-- How much of the tables that are updated is empty or dead: their size against what their rows should take by the last
-- ANALYZE. An estimate; leaves are never updated, so not asked, and of indexes doctor_indexes() tells. SECURITY DEFINER
-- because statistics are shown to who may read the table. Reads the catalog and sizes of files, locks nothing.
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
        tables.relname,
        tables.bytes,
        -- a row's header and its pointer are 28 bytes, columns are aligned
        tables.live * (36 + (
            select coalesce(sum(s.avg_width * (1 - s.null_frac)), 0)
            from pg_stats as s
            where s.schemaname = 'esdb' and s.tablename = tables.relname
        )) / tables.fill as expected
    from tables
)
select
    'bloat',
    case when sized.bytes - sized.expected > 1073741824 then 'warning' else 'notice' end,
    format('table esdb.%I', sized.relname),
    format('%s, of which its rows should take about %s', pg_size_pretty(sized.bytes), pg_size_pretty(sized.expected::bigint)),
    format('vacuum (full, analyze) esdb.%I;', sized.relname),
    'sql'
from sized
where sized.bytes > 3 * sized.expected
    and sized.bytes - sized.expected > 33554432
$function$;

comment on function esdb_meta.doctor_bloat() is
    'Findings of `esdb doctor` about bloat of the updated tables, estimated.';

revoke all on function esdb_meta.doctor_bloat() from public;
grant execute on function esdb_meta.doctor_bloat() to esdb_maintainer;
