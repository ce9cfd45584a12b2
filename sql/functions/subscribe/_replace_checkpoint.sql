-- Puts a checkpoint in the place of the one that _lock_checkpoint() gave: the same subscription, partition and number.
-- Errors: 40001 under REPEATABLE READ or SERIALIZABLE, where somebody else replaced it since the snapshot.
create or replace function esdb._replace_checkpoint(
    checkpoint esdb.subscription_checkpoints
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
delete from esdb.subscription_checkpoints as c
where c.subscription = (checkpoint).subscription
    and c.partition = (checkpoint).partition
    and c.number = (checkpoint).number;
insert into esdb.subscription_checkpoints
    (subscription, partition, position, token, worker, lease, lease_until, delivered_to, scanned_to, is_replay, attempts,
     retry_at, last_error)
values
    ((checkpoint).subscription, (checkpoint).partition, (checkpoint).position, (checkpoint).token, (checkpoint).worker,
     (checkpoint).lease, (checkpoint).lease_until, (checkpoint).delivered_to, (checkpoint).scanned_to,
     (checkpoint).is_replay, (checkpoint).attempts, (checkpoint).retry_at, (checkpoint).last_error);
$function$;

comment on function esdb._replace_checkpoint(esdb.subscription_checkpoints) is
    'Replaces a locked checkpoint. Errors: 40001 where it is not the newest.';

revoke all on function esdb._replace_checkpoint(esdb.subscription_checkpoints) from public;
