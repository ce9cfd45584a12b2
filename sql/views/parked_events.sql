-- The events that subscriptions have set aside. OFFSET, because a view with it cannot be written through.
create or replace view esdb.parked_events as
select
    p.subscription,
    p.position,
    p.partition,
    p.aggregate_id,
    p.version,
    p.event_type,
    case when p.retry_at is null then p.state else 'retry' end as state,
    p.attempts,
    p.reason,
    p.worker,
    p.parked_at
from esdb.subscription_parkings as p
order by p.subscription, p.position
offset 0;

comment on view esdb.parked_events is
    'The events that subscriptions have set aside. state: failed: delivered max_attempts times without an ack, waiting: behind a failed one of its aggregate, retry: waited, and failed fewer than max_attempts times, replay: to be delivered again. A query reads them all, and nothing else. Worry about each: somebody has to mend what made it fail and call esdb.replay_parked(), or esdb.discard_parked().';

revoke all on esdb.parked_events from public;
grant select on esdb.parked_events to esdb_consumer, esdb_maintainer;
