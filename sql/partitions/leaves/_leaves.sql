-- The leaves that hang in the tree of esdb.events, as the catalog has them; esdb.partitions shows them to all. Reads the
-- catalog alone. In a folder of its own, so that it is made after the functions it calls and before that view.
create or replace view esdb._leaves as
select
    leaf.oid as leaf,
    context_codes.code as bounded_context,
    context_codes.name as context_name,
    leaf.relname::text as partition,
    case
        when bounds.upper_bound is null then 'overflow'
        when bounds.upper_bound = esdb._utc_month(bounds.lower_bound, 1) then 'month'
        else 'span'
    end as kind,
    bounds.lower_bound,
    bounds.upper_bound
from pg_catalog.pg_inherits as tree
join pg_catalog.pg_inherits as context_tree on context_tree.inhparent = tree.inhrelid
join pg_catalog.pg_class as context_table on context_table.oid = tree.inhrelid
join pg_catalog.pg_class as leaf on leaf.oid = context_tree.inhrelid
join esdb.bounded_contexts as context_codes on 'events_' || context_codes.name = context_table.relname
cross join lateral esdb._partition_bounds(leaf.oid) as bounds
where tree.inhparent = 'esdb.events'::regclass;

comment on view esdb._leaves is 'The leaves in the tree of esdb.events: oid, context, name, kind (month, span, overflow) and bounds.';

revoke all on esdb._leaves from public;
