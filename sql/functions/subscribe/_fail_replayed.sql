-- Parks the first event of a lease of parked ones, or that at failed_position, as failed again; the others of the lease
-- are to be delivered as before. Returns whether there was such an event. The caller has locked the partition.
create or replace function esdb._fail_replayed(
    checkpoint esdb.subscription_checkpoints,
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
        attempts = p.attempts + 1,
        reason = _fail_replayed.reason,
        worker = checkpoint.worker,
        token = null,
        parked_at = clock_timestamp()
    where p.subscription = checkpoint.subscription
        and p.token = checkpoint.token
        and p.position = coalesce(
            failed_position,
            (
                select min(f.position)
                from esdb.subscription_parkings as f
                where f.subscription = checkpoint.subscription and f.token = checkpoint.token
            )
        );
    return found;
end
$function$;

comment on function esdb._fail_replayed(esdb.subscription_checkpoints, text, bigint) is
    'Parks an event that was delivered again as failed again; false: the lease has no such event.';

revoke all on function esdb._fail_replayed(esdb.subscription_checkpoints, text, bigint) from public;
