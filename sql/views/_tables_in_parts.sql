-- The tables of the store, once for each sum that they belong to: level store, table (all of esdb.events as one), context,
-- month, partition. Reads the catalog alone. Each column of each branch is named, so that the view reads the same after a
-- dump was restored. Its name puts it behind esdb._tables and before the views that read it.
create or replace view esdb._tables_in_parts as
select
    tables.relation,
    tables.is_leaf,
    part.place,
    part.level,
    part.name,
    part.bounded_context,
    part.lower_bound
from esdb._tables as tables
cross join lateral (
    select 1 as place, 'store' as level, 'esdb' as name, null::text as bounded_context, null::timestamptz as lower_bound
    union all
    select 2 as place, 'table' as level, tables.table_name as name, tables.bounded_context, tables.lower_bound
    where not tables.is_leaf
    union all
    select 2 as place, 'table' as level, 'esdb.events' as name, null::text as bounded_context, null::timestamptz as lower_bound
    where tables.is_leaf
    union all
    select
        3 as place, 'context' as level, pg_catalog.format('esdb.%I', 'events_' || tables.context_name) as name,
        tables.bounded_context, null::timestamptz as lower_bound
    where tables.is_leaf
    union all
    select
        4 as place, 'month' as level, pg_catalog.to_char(tables.lower_bound at time zone 'UTC', 'YYYY-MM') as name,
        null::text as bounded_context, tables.lower_bound
    where tables.is_leaf and tables.kind <> 'overflow'
    union all
    select 4 as place, 'month' as level, 'overflow' as name, null::text as bounded_context, null::timestamptz as lower_bound
    where tables.kind = 'overflow'
    union all
    select 5 as place, 'partition' as level, tables.table_name as name, tables.bounded_context, tables.lower_bound
    where tables.is_leaf
) as part;

comment on view esdb._tables_in_parts is
    'The tables of the store under each level and name by which esdb.table_sizes and esdb.index_usage sum them up.';

revoke all on esdb._tables_in_parts from public;
