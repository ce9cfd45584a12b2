-- Locks all partitions of a subscription, in order, until the transaction ends, and gives its definition: what a worker
-- is doing in a transaction just now is waited for. It is looked up behind the lock, because what was waited for may have
-- dropped it. Errors: SE020.
create or replace function esdb._lock_subscription(
    subscription text
)
returns esdb.subscription_definitions
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform
    from esdb.subscription_partitions as p
    where p.subscription = _lock_subscription.subscription
    order by p.partition
    for no key update;
    return esdb._subscription(subscription);
end
$function$;

comment on function esdb._lock_subscription(text) is 'Locks all partitions of a subscription. Errors: SE020.';

revoke all on function esdb._lock_subscription(text) from public;
