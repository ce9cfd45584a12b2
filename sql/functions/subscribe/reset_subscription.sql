-- Lets a subscription begin behind a position again, to handle its events anew or to leave some out. What was parked
-- behind that position is forgotten, because it is delivered again; what was parked before stays. Leases end: their acks
-- are refused.
--
-- Locks, until the transaction ends: all partitions. Errors: SE009, SE011, SE020, SE022.
create or replace function esdb.reset_subscription(
    subscription text,
    to_position bigint default 0
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _start constant bigint := esdb._start_position('to_position', reset_subscription.to_position);
    _checkpoint esdb.subscription_checkpoints;
    _positions bigint[];
    _forgotten bigint;
begin
    perform esdb._lock_subscription(reset_subscription.subscription);
    for _checkpoint in
        select c.*
        from esdb.subscription_partitions as p
        cross join lateral esdb._checkpoint(p.subscription, p.partition) as c
        where p.subscription = reset_subscription.subscription
        order by p.partition
    loop
        _positions := _positions || _checkpoint.position;
        _checkpoint.position := _start;
        _checkpoint.token := null;
        _checkpoint.worker := null;
        _checkpoint.lease_until := null;
        _checkpoint.is_replay := false;
        _checkpoint.attempts := 0;
        _checkpoint.retry_at := null;
        _checkpoint.last_error := null;
        perform esdb._replace_checkpoint(_checkpoint);
    end loop;
    delete from esdb.subscription_parkings as p
    where p.subscription = reset_subscription.subscription and p.position > _start;
    get diagnostics _forgotten = row_count;
    perform esdb._audit(
        'reset subscription', reset_subscription.subscription, jsonb_build_object('from', _positions, 'to', _start),
        _forgotten);
end
$function$;

comment on function esdb.reset_subscription(text, bigint) is
    'Lets a subscription begin behind to_position (0: from the first event, -1: from now on) again. Leases end; what was parked behind it is forgotten. Waits for transactions of workers. Errors: SE009, SE011, SE020, SE022.';

revoke all on function esdb.reset_subscription(text, bigint) from public;
grant execute on function esdb.reset_subscription(text, bigint) to esdb_maintainer;
