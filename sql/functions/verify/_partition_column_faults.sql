-- Columns of a partition that are not as esdb.events has them; part of esdb_meta.partition_faults(). Both are as the
-- server words them now, so its version does not matter. Locks nothing.
create or replace function esdb_meta._partition_column_faults()
returns table (
    kind text,
    name text,
    fault text
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
with facts as (
    select
        attribute.attrelid as relation,
        attribute.attname as name,
        attribute.attnotnull as is_not_null,
        format_type(attribute.atttypid, attribute.atttypmod) as type,
        attribute.attcollation as collation,
        jsonb_build_array(
            attribute.attidentity,
            attribute.attgenerated,
            pg_get_expr(defaults.adbin, defaults.adrelid)
        ) as default_value
    from pg_attribute as attribute
    left join pg_attrdef as defaults on defaults.adrelid = attribute.attrelid and defaults.adnum = attribute.attnum
    where attribute.attnum > 0
        and not attribute.attisdropped
)
select
    'partition',
    partition.name,
    format('column %I differs from that of esdb.events: %s', root.name, differences.words)
from esdb_meta._partitions() as partition
join facts on facts.relation = partition.oid
join facts as root on root.relation = to_regclass('esdb.events') and root.name = facts.name
cross join lateral (
    select concat_ws(
        ', ',
        case when facts.is_not_null <> root.is_not_null then 'NOT NULL' end,
        case when facts.default_value <> root.default_value then 'default' end,
        case when facts.type <> root.type then 'type' end,
        case when facts.collation <> root.collation then 'collation' end
    ) as words
) as differences
where differences.words <> ''
$function$;

comment on function esdb_meta._partition_column_faults() is
    'Columns that differ from those of esdb.events, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._partition_column_faults() from public;
