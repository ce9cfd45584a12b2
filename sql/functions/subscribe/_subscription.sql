-- Looks a subscription up. Locks nothing. Errors: SE020.
create or replace function esdb._subscription(
    subscription text
)
returns esdb.subscription_definitions
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _definition esdb.subscription_definitions;
begin
    select d.* into _definition from esdb.subscription_definitions as d where d.name = subscription;
    if _definition.name is null then
        raise exception 'subscription not found: %', coalesce(subscription, 'null')
            using errcode = 'SE020',
                  detail = format('subscription: %s', coalesce(subscription, 'null')),
                  hint = 'esdb.create_subscription() makes one; the view esdb.subscriptions lists those there are.';
    end if;
    return _definition;
end
$function$;

comment on function esdb._subscription(text) is 'The definition of a subscription. Errors: SE020.';

revoke all on function esdb._subscription(text) from public;
