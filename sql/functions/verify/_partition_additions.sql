-- What was added to a partition of esdb.events and changes what it accepts, does or shows: triggers, constraints,
-- rules, row security; part of esdb_meta.partition_faults(). What came down from a table above is named there alone. The
-- overflow's temporary bound (templates/bound_overflow.sql.j2) is named with what it means. Locks nothing.
create or replace function esdb_meta._partition_additions()
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
select 'partition', partition.name, format('trigger %I: not made by a migration', facts.tgname)
from esdb_meta._partitions() as partition
join pg_trigger as facts on facts.tgrelid = partition.oid
where not facts.tgisinternal
    and facts.tgparentid = 0
    -- before, for each statement, on update, delete and truncate
    and (facts.tgfoid is distinct from to_regprocedure('esdb._refuse_change()') or facts.tgtype <> 2 + 8 + 16 + 32)
    -- esdb_meta._barrier_faults() knows whether it belongs here; before, for each row, on insert
    and (
        facts.tgname <> 'events_are_sealed'
        or not partition.is_leaf
        or facts.tgfoid is distinct from to_regprocedure('esdb._refuse_sealed()')
        or facts.tgtype <> 1 + 2 + 4
    )
union all
select 'partition', partition.name, format('constraint %I: not made by a migration', facts.conname)
from esdb_meta._partitions() as partition
join pg_constraint as facts on facts.conrelid = partition.oid
where facts.contype in ('c', 'f', 'x')
    and facts.conislocal
    and facts.conparentid = 0
    and not exists (
        select
        from esdb._unfinished_bounds() as bound
        where bound.bound_constraint = facts.conname and format('esdb.%I', bound.partition) = partition.name
    )
union all
select
    'partition',
    format('esdb.%I', bound.partition),
    format('an unfinished bound, appends fail from %s on: run esdb partitions create-next',
        to_char(bound.upper_bound at time zone 'UTC', 'YYYY-MM-DD'))
from esdb._unfinished_bounds() as bound
union all
select 'partition', partition.name, format('rule %I: not made by a migration', facts.rulename)
from esdb_meta._partitions() as partition
join pg_rewrite as facts on facts.ev_class = partition.oid
union all
select 'partition', partition.name, 'row security is ' || state.word
from esdb_meta._partitions() as partition
join pg_class as relation on relation.oid = partition.oid
cross join lateral (
    select 'enabled'
    where relation.relrowsecurity
    union all
    select 'forced'
    where relation.relforcerowsecurity
) as state (word)
$function$;

comment on function esdb_meta._partition_additions() is
    'Triggers, constraints, rules and row security added, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._partition_additions() from public;
