-- The times that the unsealed leaves of a context (null: of each) are made for: a range each, or several where a sealed
-- leaf lies between. The end is null for that of an overflow. All events that no seal counts lie there, and the planner
-- prunes by it. In a transaction's own snapshot it agrees with esdb.seals, read in the same. Locks nothing.
create or replace function esdb._unsealed_ranges(
    only_context text default null
)
returns table (
    bounded_context text,
    from_time timestamptz,
    to_time timestamptz
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select merged.bounded_context, lower(times.part), upper(times.part)
from (
    select p.bounded_context::text as bounded_context, range_agg(tstzrange(p.lower_bound, p.upper_bound)) as parts
    from esdb._unsealed_leaves as p
    where coalesce(p.bounded_context = only_context, true)
    group by p.bounded_context
) as merged
cross join lateral unnest(merged.parts) as times (part)
$function$;

comment on function esdb._unsealed_ranges(text) is
    'The ranges of time of the unsealed leaves, by bounded context.';

revoke all on function esdb._unsealed_ranges(text) from public;
