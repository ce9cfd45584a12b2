-- The highest position that a server which has just recovered still has: that of the last event, or the settled one, see
-- _settled_position(). What was given out above it is lost. Locks nothing beyond its own statement.
create or replace function esdb._kept_position(
    forced boolean
)
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select greatest(esdb._last_event_position(), esdb._settled_position(_kept_position.forced))
$function$;

comment on function esdb._kept_position(boolean) is 'The highest position that is kept: what was given out above it is lost.';

revoke all on function esdb._kept_position(boolean) from public;
