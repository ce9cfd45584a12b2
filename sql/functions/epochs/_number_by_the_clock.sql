-- How many numbers the clock gives until now, at so many a second since 2026. Locks nothing.
create or replace function esdb._number_by_the_clock(
    per_second bigint
)
returns bigint
language sql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select ((date_part('epoch', clock_timestamp()) - date_part('epoch', timestamptz '2026-01-01 00:00:00+00')) * per_second)::bigint
$function$;

comment on function esdb._number_by_the_clock(bigint) is 'How many numbers the clock gives until now, at so many a second since 2026.';

revoke all on function esdb._number_by_the_clock(bigint) from public;
