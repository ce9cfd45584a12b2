-- The sealed leaves that are attached, the oldest seal first, each with the number of its seal and of its
-- events. Reads the catalog and locks nothing.
create or replace function esdb_meta.sealed_leaves()
returns table (
    leaf oid,
    number bigint,
    event_count bigint
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select p.leaf, s.number, s.event_count
from esdb.seals as s
join esdb._leaves as p on p.bounded_context = s.bounded_context and p.lower_bound = s.lower_bound
order by s.number
$function$;

comment on function esdb_meta.sealed_leaves() is
    'The sealed leaves of esdb.events: oid, number and count of events of the seal.';

revoke all on function esdb_meta.sealed_leaves() from public;
grant execute on function esdb_meta.sealed_leaves() to esdb_maintainer;
