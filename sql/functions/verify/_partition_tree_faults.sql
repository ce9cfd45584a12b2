-- Contexts without their table or overflow in the tree of esdb.events, and tables that look like a part of the tree and
-- are none; part of esdb_meta.partition_faults(). What hangs below such a table is not named again. Locks nothing.
-- `esdb partitions create-next` is named only where it helps: where no table has the name of what is missing.
create or replace function esdb_meta._partition_tree_faults()
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
with context as (
    select
        registered.code,
        to_regclass(format('esdb.%I', 'events_' || registered.name)) as relation,
        format('esdb.%I', 'events_' || registered.name) as relation_name
    from esdb.bounded_contexts as registered
    where to_regclass('esdb.events') is not null
),
attached_context as (
    select context.code, context.relation, context.relation_name
    from context
    join pg_class as relation on relation.oid = context.relation
    join pg_inherits as tree on tree.inhrelid = context.relation
    where tree.inhparent = to_regclass('esdb.events')
        and pg_get_expr(relation.relpartbound, relation.oid) = format('FOR VALUES IN (%L)', context.code)
),
stray as (
    select relation.oid, format('esdb.%I', relation.relname) as name
    from pg_class as relation
    where relation.relnamespace = to_regnamespace('esdb')
        and relation.relkind in ('r', 'p', 'f')
        and starts_with(relation.relname::text, 'events_')
        and relation.oid not in (select partition.oid from esdb_meta._partitions() as partition)
        -- what is being archived, or restored, or was kept
        and not exists (select from esdb.archives as a where a.partition = relation.relname)
)
select
    'bounded context',
    context.code::text,
    case
        when context.relation is null
            then format('its table %s is missing: run esdb partitions create-next', context.relation_name)
        else format('its table %s is not attached to esdb.events for its code', context.relation_name)
    end
from context
where not exists (select from attached_context where attached_context.code = context.code)
union all
select
    'bounded context',
    attached_context.code::text,
    'no overflow partition (to MAXVALUE), appends after the last month fail'
    || case
        when to_regclass(attached_context.relation_name || '_overflow') is null then ': run esdb partitions create-next'
        else ''
    end
from attached_context
where not exists (
    select
    from pg_inherits as tree
    join pg_class as leaf on leaf.oid = tree.inhrelid
    where tree.inhparent = attached_context.relation
        and pg_get_expr(leaf.relpartbound, leaf.oid) like '% TO (MAXVALUE)'
)
union all
select 'table', stray.name, 'not attached to esdb.events'
from stray
where not exists (
    select
    from pg_inherits as tree
    join stray as parent on parent.oid = tree.inhparent
    where tree.inhrelid = stray.oid
)
$function$;

comment on function esdb_meta._partition_tree_faults() is
    'Contexts without table or overflow, and tables outside the tree, for esdb_meta.partition_faults().';

revoke all on function esdb_meta._partition_tree_faults() from public;
