-- Samples of the subscriptions, for esdb.metrics: of each that of its partition which is farthest behind, so that the feed
-- is looked at once a subscription, however many partitions it has. Locks what read_all() locks. Errors: SE011.
create or replace function esdb._subscription_metrics()
returns table (
    metric text,
    labels jsonb,
    value double precision
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
select sample.metric, jsonb_build_object('subscription', s.subscription), sample.value
from (
    select
        p.subscription,
        esdb._positions_between(min(c.position), esdb.last_position()) as events_behind,
        case when min(c.position) < esdb.last_position() then esdb._seconds_behind(min(c.position)) else 0 end as seconds_behind,
        -- delivered before, or once and refused: a lease that is under way may well succeed
        count(*) filter (where c.attempts > 1 or (c.attempts = 1 and c.lease_until is null)) as failing
    from esdb.subscription_partitions as p
    cross join lateral esdb._checkpoint(p.subscription, p.partition) as c
    group by p.subscription
) as s
cross join lateral (
    values
        ('esdb_subscription_behind_events', s.events_behind::double precision),
        ('esdb_subscription_behind_seconds', s.seconds_behind),
        ('esdb_subscription_failing_partitions', s.failing)
) as sample (metric, value)
union all
select
    'esdb_parked_events',
    jsonb_build_object('subscription', d.name, 'state', state.name),
    coalesce(parked.events, 0)
from esdb.subscription_definitions as d
cross join (values ('failed'), ('waiting'), ('retry'), ('replay')) as state (name)
left join (
    -- the view is read whole whatever is asked of it, so once
    select p.subscription, p.state, count(*) as events
    from esdb.parked_events as p
    group by p.subscription, p.state
) as parked on parked.subscription = d.name and parked.state = state.name
$function$;

comment on function esdb._subscription_metrics() is 'Samples of the subscriptions, for the view esdb.metrics. Errors: SE011.';

revoke all on function esdb._subscription_metrics() from public;
-- the view esdb.metrics calls it as its reader
grant execute on function esdb._subscription_metrics() to esdb_reader, esdb_maintainer;
