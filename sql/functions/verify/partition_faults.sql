-- Where the tree of esdb.events is not as the templates make it: a context without its table or overflow, a table left
-- outside, and each partition's keys, indexes, columns, triggers, owner and closed rights, and what was added to it; and
-- the optional indexes, of which one stands on esdb.streams.
-- SECURITY DEFINER because its helpers are the owner's. Reads the catalog and the contexts' codes; its one lock keeps
-- `esdb indexes` from beginning until the transaction ends (see esdb_meta._optional_index_faults()).
create or replace function esdb_meta.partition_faults()
returns table (
    kind text,
    name text,
    fault text
)
language sql
volatile
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
set quote_all_identifiers = off
as $function$
with partition as (
    select
        ours.oid,
        ours.name,
        ours.is_leaf,
        relation.relowner <> root.relowner as has_other_owner,
        relation.relpersistence <> 'p' as is_not_durable,
        esdb_meta._privileges('r', relation.relacl, relation.relowner) as privileges
    from esdb_meta._partitions() as ours
    join pg_class as relation on relation.oid = ours.oid
    join pg_class as root on root.oid = to_regclass('esdb.events')
)
select faults.kind, faults.name, faults.fault
from esdb_meta._partition_tree_faults() as faults
union all
select faults.kind, faults.name, faults.fault
from esdb_meta._partition_index_faults() as faults
union all
select faults.kind, faults.name, faults.fault
from esdb_meta._optional_index_faults() as faults
union all
select faults.kind, faults.name, faults.fault
from esdb_meta._partition_additions() as faults
union all
select faults.kind, faults.name, faults.fault
from esdb_meta._barrier_faults() as faults
union all
select faults.kind, faults.name, faults.fault
from esdb_meta._partition_column_faults() as faults
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
    'Where the partitions of esdb.events are not as the templates make them: lacking, altered or added to.';

revoke all on function esdb_meta.partition_faults() from public;
grant execute on function esdb_meta.partition_faults() to esdb_maintainer;
