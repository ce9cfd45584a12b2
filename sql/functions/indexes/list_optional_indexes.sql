-- The optional indexes with their state. Reads the catalog, locks nothing.
create or replace function esdb.list_optional_indexes()
returns table (
    name text,
    state text,
    serves text,
    tables bigint,
    tables_with_it bigint
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    o.name,
    case when o.ready then 'on' when o.wanted then 'building' else 'off' end,
    o.serves,
    count(*),
    count(*) filter (where held.is_complete)
from esdb._optional_indexes() as o
join (
    select part.name, part.table_name, bool_and(part.state = 'valid') as is_complete
    from esdb._optional_index_parts() as part
    group by part.name, part.table_name
) as held on held.name = o.name
group by o.name, o.ready, o.wanted, o.serves
order by o.name
$function$;

comment on function esdb.list_optional_indexes() is
    'The optional indexes (`esdb indexes enable`): state (off, building, on), what each serves, on how many tables (for correlation: the leaves of esdb.events) it belongs and how many have it.';

revoke all on function esdb.list_optional_indexes() from public;
grant execute on function esdb.list_optional_indexes() to esdb_reader, esdb_writer, esdb_maintainer;
