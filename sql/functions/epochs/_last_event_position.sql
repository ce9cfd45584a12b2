-- The highest position of an event, archived ones included; 0 for none. Looks into each leaf's index on positions, holds
-- the locks of one context's leaves at a time, shared, and none at its end.
create or replace function esdb._last_event_position()
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select greatest(
    0,
    (
        select max(h.position)
        from esdb._in_each_context('select max(e.position) from esdb.%I as e') as h (position bigint)
    ),
    (select max(s.max_position) from esdb.seals as s)
)
$function$;

comment on function esdb._last_event_position() is 'The highest position of an event, archived ones included; 0 for none.';

revoke all on function esdb._last_event_position() from public;
