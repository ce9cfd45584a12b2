-- Where an optional index (`esdb indexes`) is not as it was chosen to be: missing or unusable where it is wanted, there
-- where it is not, or not finished; part of esdb_meta.partition_faults(). No row while a run of `esdb indexes` is at
-- work: what it has not done yet is no fault.
--
-- Locks: what such a run locks, shared, until the transaction ends, so that none begins in between; it does not wait for
-- it. VOLATILE, so that the query sees all that a run did which ended before the lock was obtained.
create or replace function esdb_meta._optional_index_faults()
returns table (
    kind text,
    name text,
    fault text
)
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    -- the lock of `esdb indexes` (esdb_cli/indexes.py)
    if not pg_try_advisory_xact_lock_shared(29284::bigint << 48) then
        return;
    end if;
    return query
        select
            case part.table_name when 'streams' then 'table' else 'partition' end,
            format('esdb.%I', part.table_name),
            case
                when not o.wanted then format('index %I is left over: run esdb indexes disable %s', part.index_name, o.name)
                when part.state = 'missing' then format('no index %I: run esdb indexes enable %s', part.index_name, o.name)
                when part.state = 'invalid' then format('index %I is INVALID: run esdb indexes enable %s', part.index_name, o.name)
                else format('index %I is not as the template makes it: run esdb indexes enable %s', part.index_name, o.name)
            end
        from esdb._optional_index_parts() as part
        join esdb._optional_indexes() as o on o.name = part.name
        where case when o.wanted then part.state <> 'valid' else part.state in ('valid', 'invalid') end
        union all
        select 'optional index', o.name, format('wanted, but not ready: run esdb indexes enable %s', o.name)
        from esdb._optional_indexes() as o
        where o.wanted and not o.ready;
end
$function$;

comment on function esdb_meta._optional_index_faults() is
    'Optional indexes that are not as they were chosen to be, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._optional_index_faults() from public;
