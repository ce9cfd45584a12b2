-- Ends a lease that its worker let lapse: an event that was delivered max_attempts times, or again after it was parked, is
-- parked. Nothing is known of what the worker did with the others, so the first is to blame; after a first lapse an event
-- is delivered alone, so it is the right one. Returns the new checkpoint. The caller has locked the partition.
create or replace function esdb._end_lease(
    checkpoint esdb.subscription_checkpoints,
    definition esdb.subscription_definitions
)
returns esdb.subscription_checkpoints
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _reason constant text := format('the lease of worker %s ended at %s', checkpoint.worker, checkpoint.lease_until);
    _scanned record;
begin
    checkpoint.lease_until := null;
    checkpoint.last_error := _reason;
    if checkpoint.is_replay then
        checkpoint.is_replay := false;
        perform esdb._fail_replayed(checkpoint, definition, _reason);
    elsif checkpoint.attempts >= definition.max_attempts then
        select s.*
        into _scanned
        from esdb._scan_partition(definition, checkpoint.partition, checkpoint.position, checkpoint.delivered_to, 1) as s;
        perform esdb._park(checkpoint, _scanned.events, 'failed', checkpoint.attempts, _reason);
        checkpoint.position := _scanned.scanned_to;
        checkpoint.attempts := 0;
    end if;
    checkpoint.number := esdb._replace_checkpoint(checkpoint);
    return checkpoint;
end
$function$;

comment on function esdb._end_lease(esdb.subscription_checkpoints, esdb.subscription_definitions) is
    'Ends a lease that lapsed: parks what was delivered too often.';

revoke all on function esdb._end_lease(esdb.subscription_checkpoints, esdb.subscription_definitions) from public;
