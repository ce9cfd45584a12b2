-- Removes a subscription with its place and its parked events. Locks, until the transaction ends: all its partitions.
-- Errors: SE020.
create or replace function esdb.drop_subscription(
    subscription text
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
    _definition constant esdb.subscription_definitions := esdb._lock_subscription(drop_subscription.subscription);
begin
    perform esdb._audit(
        'drop subscription', drop_subscription.subscription,
        to_jsonb(_definition) || jsonb_build_object('positions', array(
            select c.position
            from esdb.subscription_partitions as p
            cross join lateral esdb._checkpoint(p.subscription, p.partition) as c
            where p.subscription = drop_subscription.subscription
            order by p.partition
        )),
        (
            select count(*)
            from esdb.subscription_parkings as p
            where p.subscription = drop_subscription.subscription
        ));
    delete from esdb.subscription_definitions as d where d.name = drop_subscription.subscription;
end
$function$;

comment on function esdb.drop_subscription(text) is
    'Removes a subscription with its place and its parked events; the events stay in the store. Errors: SE020.';

revoke all on function esdb.drop_subscription(text) from public;
grant execute on function esdb.drop_subscription(text) to esdb_maintainer;
