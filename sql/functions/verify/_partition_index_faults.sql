-- Leaves of esdb.events without a key or an index that templates/_leaf.sql.j2 gives every one of them, or every sealed
-- one; part of esdb_meta.partition_faults(). An index that came later is the administrator's own. Locks nothing.
create or replace function esdb_meta._partition_index_faults()
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
with usable_index as (
    select
        facts.indrelid as relation,
        method.amname as method,
        facts.indisunique as is_unique,
        facts.indisprimary as is_primary,
        esdb_meta._column_names(facts.indrelid, facts.indkey::smallint[]) as columns
    from pg_index as facts
    join pg_class as index_relation on index_relation.oid = facts.indexrelid
    join pg_am as method on method.oid = index_relation.relam
    where facts.indrelid in (select partition.oid from esdb_meta._partitions() as partition)
        and facts.indisvalid
        and facts.indisready
        and facts.indpred is null
        and facts.indexprs is null
)
select 'partition', partition.name, 'no ' || required_index.description
from esdb_meta._partitions() as partition
cross join esdb_meta._leaf_index_definitions() as required_index
where partition.is_leaf
    and (
        not required_index.comes_with_seal
        or partition.oid in (
            select l.leaf
            from esdb._leaves as l
            join esdb.seals as s on s.bounded_context = l.bounded_context and s.lower_bound = l.lower_bound
        )
    )
    and not exists (
        select
        from usable_index
        where usable_index.relation = partition.oid
            and usable_index.method = required_index.method
            and usable_index.is_unique = required_index.is_unique
            and usable_index.is_primary = required_index.is_primary
            and usable_index.columns = required_index.columns
    )
$function$;

comment on function esdb_meta._partition_index_faults() is
    'Leaves without a key or an index, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._partition_index_faults() from public;
