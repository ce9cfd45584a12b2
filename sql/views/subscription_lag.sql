-- How far each partition of each subscription is behind.
create or replace view esdb.subscription_lag as
select
    l.subscription,
    l.partition,
    l.position,
    l.events_behind,
    l.seconds_behind,
    l.worker,
    l.lease_until,
    l.last_error
from esdb._subscription_lag() as l;

comment on view esdb.subscription_lag is
    'How far each partition of each subscription is. events_behind: positions behind the store''s last one, so no more events than that are to come. seconds_behind: the age of the first event behind it. lease_until in the past: its worker let the lease lapse. last_error: why the last delivery failed, null once one succeeded. A query looks at the newest checkpoint of each partition, and costs a millisecond more for each that is behind. Worry when seconds_behind is over a minute and grows, in all subscriptions at once about esdb.open_appends; when lease_until is minutes in the past; when last_error stays. Errors: SE011 under REPEATABLE READ and SERIALIZABLE.';

revoke all on esdb.subscription_lag from public;
grant select on esdb.subscription_lag to esdb_consumer, esdb_maintainer;
