-- Puts a checkpoint in the place of the one that _lock_checkpoint() gave, the same subscription, partition and number, under
-- a higher number, which it returns. To the foreign key that is no change, so it is not checked.
-- Errors: 40001 under REPEATABLE READ or SERIALIZABLE, where somebody else replaced it since the snapshot.
create or replace function esdb._replace_checkpoint(
    checkpoint esdb.subscription_checkpoints
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _number constant bigint := nextval('esdb.checkpoint_number'::regclass);
begin
    update esdb.subscription_checkpoints as c
    set number = _number,
        position = checkpoint.position,
        token = checkpoint.token,
        worker = checkpoint.worker,
        lease = checkpoint.lease,
        lease_until = checkpoint.lease_until,
        delivered_to = checkpoint.delivered_to,
        scanned_to = checkpoint.scanned_to,
        is_replay = checkpoint.is_replay,
        attempts = checkpoint.attempts,
        retry_at = checkpoint.retry_at,
        last_error = checkpoint.last_error
    where c.subscription = checkpoint.subscription
        and c.partition = checkpoint.partition
        and c.number = checkpoint.number;
    return _number;
end
$function$;

comment on function esdb._replace_checkpoint(esdb.subscription_checkpoints) is
    'Replaces a locked checkpoint; returns its new number. Errors: 40001 where it is not the newest.';

revoke all on function esdb._replace_checkpoint(esdb.subscription_checkpoints) from public;
