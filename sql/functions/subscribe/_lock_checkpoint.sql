-- Locks a partition of a subscription until the transaction ends, and gives its checkpoint; null where the partition is
-- not there, or, with skip_locked, somebody else has it locked. The checkpoint is looked for in a statement after the
-- lock, so it is the newest; under REPEATABLE READ it may be older, and then _replace_checkpoint() raises 40001.
create or replace function esdb._lock_checkpoint(
    subscription text,
    partition integer,
    skip_locked boolean default false
)
returns esdb.subscription_checkpoints
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
declare
    _is_locked boolean;
    _checkpoint esdb.subscription_checkpoints;
begin
    if skip_locked then
        select true
        into _is_locked
        from esdb.subscription_partitions as p
        where p.subscription = _lock_checkpoint.subscription and p.partition = _lock_checkpoint.partition
        for no key update skip locked;
    else
        select true
        into _is_locked
        from esdb.subscription_partitions as p
        where p.subscription = _lock_checkpoint.subscription and p.partition = _lock_checkpoint.partition
        for no key update;
    end if;
    if _is_locked then
        select c.*
        into _checkpoint
        from esdb._checkpoint(_lock_checkpoint.subscription, _lock_checkpoint.partition) as c;
    end if;
    return _checkpoint;
end
$function$;

comment on function esdb._lock_checkpoint(text, integer, boolean) is
    'Locks a partition of a subscription and gives its checkpoint; null: not there, or skipped.';

revoke all on function esdb._lock_checkpoint(text, integer, boolean) from public;
