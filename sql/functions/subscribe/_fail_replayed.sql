-- Notes that the first event of a lease of parked ones, or that at failed_position, has failed. One that waited is delivered
-- again after a pause, as every event is until it was delivered max_attempts times; one that was parked for that is parked
-- again. The others of the lease are to be delivered as before. Returns whether there was such an event. The caller has
-- locked the partition.
create or replace function esdb._fail_replayed(
    checkpoint esdb.subscription_checkpoints,
    definition esdb.subscription_definitions,
    reason text,
    failed_position bigint default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    update esdb.subscription_parkings as p
    set state = 'failed',
        retry_at = case when n.is_retried then clock_timestamp() + esdb._retry_pause(p.attempts + 1) end,
        attempts = p.attempts + 1,
        reason = _fail_replayed.reason,
        worker = checkpoint.worker,
        token = null,
        parked_at = clock_timestamp()
    from (
        select f.position, f.state <> 'replay' and f.attempts + 1 < definition.max_attempts as is_retried
        from esdb.subscription_parkings as f
        where f.subscription = checkpoint.subscription
            and f.token = checkpoint.token
            and coalesce(f.position = failed_position, true)
        order by f.position
        limit 1
    ) as n
    where p.subscription = checkpoint.subscription and p.position = n.position;
    return found;
end
$function$;

comment on function esdb._fail_replayed(esdb.subscription_checkpoints, esdb.subscription_definitions, text, bigint) is
    'Notes that a parked event failed when it was delivered again; false: the lease has no such event.';

revoke all on function esdb._fail_replayed(esdb.subscription_checkpoints, esdb.subscription_definitions, text, bigint) from public;
