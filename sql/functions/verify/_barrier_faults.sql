-- Sealed leaves that would take events, and closed ones that are not sealed; part of esdb_meta.partition_faults(). Locks
-- nothing.
create or replace function esdb_meta._barrier_faults()
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
with leaf as (
    select
        ours.name,
        esdb._barrier(ours.oid) is not null as is_closed,
        exists (
            select
            from pg_trigger as facts
            where facts.tgrelid = ours.oid and facts.tgname = 'events_are_sealed'
        ) as has_trigger,
        exists (
            select
            from esdb.seals as s
            join pg_inherits as tree on tree.inhrelid = ours.oid
            join esdb.bounded_contexts as c on c.code = s.bounded_context
            where tree.inhparent = to_regclass(format('esdb.%I', 'events_' || c.name))
                and s.lower_bound = (esdb._partition_bounds(ours.oid)).lower_bound
        ) as is_sealed
    from esdb_meta._partitions() as ours
    where ours.is_leaf
)
select
    'partition',
    leaf.name,
    case
        when leaf.is_sealed then 'sealed, but no trigger that refuses events, or not ENABLE ALWAYS'
        when leaf.is_closed then 'takes no events and is not sealed: sealing was not finished, run esdb partitions seal'
        else 'trigger events_are_sealed is altered, and the partition is not sealed'
    end
from leaf
where (leaf.is_sealed and not leaf.is_closed)
    or (leaf.has_trigger and not leaf.is_sealed)
$function$;

comment on function esdb_meta._barrier_faults() is
    'Sealed leaves without barrier and closed ones without seal, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._barrier_faults() from public;
