-- The condition that an event lies in one of some months, whose starts are the elements of the parameter (an array of
-- timestamptz): written out, so that the planner leaves out every other leaf. parameter is ours, never a caller's.
create or replace function esdb._in_months(
    parameter text,
    count integer
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select format(' and (%s)', string_agg(
    format('e.timestamp >= (%1$s)[%2$s] and e.timestamp < esdb._utc_month((%1$s)[%2$s], 1)', parameter, n), ' or '))
from generate_series(1, count) as n
$function$;

comment on function esdb._in_months(text, integer) is 'The SQL condition that an event lies in one of some months.';

revoke all on function esdb._in_months(text, integer) from public;
