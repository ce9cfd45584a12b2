-- Partitions of esdb.events that lack what the templates give every one of them: its keys and indexes on a leaf; the
-- trigger that refuses changes, the owner and no rights for others on a context's table too. SECURITY DEFINER because
-- its helpers are the owner's. Reads the catalog, locks nothing.
create or replace function esdb_meta.partition_faults()
returns table (
    kind text,
    name text,
    fault text
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with partition as (
    select
        relation.oid,
        format('%I.%I', namespace.nspname, relation.relname) as name,
        tree.isleaf as is_leaf,
        relation.relowner <> root.relowner as has_other_owner,
        relation.relpersistence <> 'p' as is_not_durable,
        esdb_meta._privileges('r', relation.relacl, relation.relowner) as privileges
    from pg_partition_tree(to_regclass('esdb.events')) as tree
    join pg_class as relation on relation.oid = tree.relid
    join pg_namespace as namespace on namespace.oid = relation.relnamespace
    join pg_class as root on root.oid = to_regclass('esdb.events')
    where tree.level > 0
),
usable_index as (
    select
        facts.indrelid as relation,
        method.amname as method,
        facts.indisunique as is_unique,
        facts.indisprimary as is_primary,
        esdb_meta._column_names(facts.indrelid, facts.indkey::smallint[]) as columns
    from pg_index as facts
    join pg_class as index_relation on index_relation.oid = facts.indexrelid
    join pg_am as method on method.oid = index_relation.relam
    where facts.indrelid in (select partition.oid from partition)
        and facts.indisvalid
        and facts.indisready
        and facts.indpred is null
        and facts.indexprs is null
),
required_index (description, method, is_unique, is_primary, columns) as (
    values
        ('PRIMARY KEY (id)', 'btree', true, true, array['id']),
        ('UNIQUE (aggregate_id, version)', 'btree', true, false, array['aggregate_id', 'version']),
        ('UNIQUE (position)', 'btree', true, false, array['position']),
        ('BRIN index on timestamp', 'brin', false, false, array['timestamp'])
)
select 'partition', partition.name, 'no ' || required_index.description
from partition
cross join required_index
where partition.is_leaf
    and not exists (
        select
        from usable_index
        where usable_index.relation = partition.oid
            and usable_index.method = required_index.method
            and usable_index.is_unique = required_index.is_unique
            and usable_index.is_primary = required_index.is_primary
            and usable_index.columns = required_index.columns
    )
union all
select 'partition', partition.name, 'no trigger that refuses changes, or not ENABLE ALWAYS'
from partition
where not exists (
    select
    from pg_trigger as facts
    where facts.tgrelid = partition.oid
        and facts.tgfoid = to_regprocedure('esdb._refuse_change()')
        and facts.tgenabled = 'A'
        -- before, for each statement, on update, delete and truncate
        and facts.tgtype = 2 + 8 + 16 + 32
        and facts.tgqual is null
        and facts.tgattr::text = ''
)
union all
select 'partition', partition.name, 'its owner is not the owner of esdb.events'
from partition
where partition.has_other_owner
union all
select 'partition', partition.name, 'UNLOGGED: a crash would empty it'
from partition
where partition.is_not_durable
    and partition.is_leaf
union all
select 'partition', partition.name, 'privilege nobody was given: ' || privilege
from partition
cross join lateral unnest(partition.privileges) as privilege
order by 2, 3
$function$;

comment on function esdb_meta.partition_faults() is
    'Partitions of esdb.events that lack a key, an index, the trigger, the owner or the closed rights; no row: none.';

revoke all on function esdb_meta.partition_faults() from public;
grant execute on function esdb_meta.partition_faults() to esdb_maintainer;
