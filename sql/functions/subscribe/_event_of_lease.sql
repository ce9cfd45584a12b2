-- The event of a lease at a position; null: the first one that is not acknowledged. Errors: SE009 where there is none;
-- those of read_all().
create or replace function esdb._event_of_lease(
    definition esdb.subscription_definitions,
    checkpoint esdb.subscription_checkpoints,
    "position" bigint default null
)
returns esdb.events
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _before constant bigint := coalesce(_event_of_lease.position - 1, checkpoint.position);
    _events esdb.events[];
begin
    if _before between checkpoint.position and checkpoint.delivered_to - 1 then
        select s.events
        into _events
        from esdb._scan_partition(definition, checkpoint.partition, _before, checkpoint.delivered_to, 1) as s;
    end if;
    if (_events[1].position = coalesce(_event_of_lease.position, _events[1].position)) is not true then
        perform esdb._refuse_nack(_event_of_lease.position);
    end if;
    return _events[1];
end
$function$;

comment on function esdb._event_of_lease(esdb.subscription_definitions, esdb.subscription_checkpoints, bigint) is
    'The event of a lease at a position, or its first. Errors: SE009.';

revoke all on function esdb._event_of_lease(esdb.subscription_definitions, esdb.subscription_checkpoints, bigint) from public;
