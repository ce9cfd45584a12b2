-- The leaves of a context (null: of each) whose times reach from `since` to now, an overflow included: where an append
-- puts its event, and has put it since then. Reads the catalog alone.
create or replace function esdb._head_leaves(
    since timestamptz,
    only_context text default null
)
returns table (
    bounded_context text,
    partition text
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select l.bounded_context::text, l.partition
from esdb._leaves as l
where l.lower_bound <= clock_timestamp()
    and coalesce(l.upper_bound > since, true)
    and coalesce(l.bounded_context = only_context, true)
order by l.bounded_context, l.lower_bound
$function$;

comment on function esdb._head_leaves(timestamptz, text) is
    'The leaves of a context, or of all, that can hold what was appended since a time.';

revoke all on function esdb._head_leaves(timestamptz, text) from public;
