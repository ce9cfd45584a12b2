-- Sets events of a partition aside. Locks nothing but the rows that it makes; the caller has locked the partition.
create or replace function esdb._park(
    checkpoint esdb.subscription_checkpoints,
    events esdb.events[],
    state text,
    attempts integer,
    reason text
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
insert into esdb.subscription_parkings
    (subscription, position, partition, aggregate_id, version, event_type, state, attempts, reason, worker)
select
    (checkpoint).subscription, e.position, (checkpoint).partition, e.aggregate_id, e.version, e.event_type, state, attempts,
    reason, (checkpoint).worker
from unnest(events) as e
$function$;

comment on function esdb._park(esdb.subscription_checkpoints, esdb.events[], text, integer, text) is
    'Sets events of a locked partition of a subscription aside.';

revoke all on function esdb._park(esdb.subscription_checkpoints, esdb.events[], text, integer, text) from public;
