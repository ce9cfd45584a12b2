-- The subscriptions. OFFSET, because a view with it cannot be written through.
create or replace view esdb.subscriptions as
select
    d.name,
    d.from_position,
    d.partitions,
    d.bounded_contexts,
    d.group_contexts,
    d.feature_contexts,
    d.event_types,
    d.aggregate_types,
    d.max_attempts,
    d.on_failure,
    d.created_at,
    d.created_by
from esdb.subscription_definitions as d
order by d.name
offset 0;

comment on view esdb.subscriptions is 'The subscriptions as esdb.create_subscription() made them.';

revoke all on esdb.subscriptions from public;
grant select on esdb.subscriptions to esdb_consumer, esdb_maintainer;
