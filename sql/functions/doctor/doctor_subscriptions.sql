-- What waits for somebody, by subscription: events that no worker could handle, and such as no worker comes for. Reads
-- esdb.parked_events and esdb.subscription_lag. Locks what read_all() locks. Errors: SE011.
create or replace function esdb_meta.doctor_subscriptions()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select
    'events_parked',
    'warning',
    'subscription ' || parked.subscription,
    format('%s events are parked, the first at position %s: %s', count(*), min(parked.position),
        left((array_agg(parked.reason order by parked.position))[1], 100)),
    'esdb subscriptions replay ' || esdb_meta.doctor_shell_word(parked.subscription),
    'shell'
from esdb.parked_events as parked
where parked.state in ('failed', 'waiting')
group by parked.subscription
union all
select
    'subscription_behind',
    'warning',
    'subscription ' || lag.subscription,
    format('partitions over five minutes behind: %s, by up to %s and %s events', count(*),
        make_interval(secs => round(max(lag.seconds_behind))), max(lag.events_behind))
        || coalesce('; the last error: ' || left(max(lag.last_error), 100), ''),
    concat_ws(
        chr(10),
        '-- which partitions, whose leases they are, and the last error of each; then start its workers, or more of them',
        format('select * from esdb.subscription_lag where subscription = %L;', lag.subscription)),
    'hand'
from esdb.subscription_lag as lag
where lag.seconds_behind > 300
group by lag.subscription
$function$;

comment on function esdb_meta.doctor_subscriptions() is
    'Findings of `esdb doctor` about subscriptions: parked events, and partitions that are behind. Errors: SE011.';

revoke all on function esdb_meta.doctor_subscriptions() from public;
grant execute on function esdb_meta.doctor_subscriptions() to esdb_maintainer;
