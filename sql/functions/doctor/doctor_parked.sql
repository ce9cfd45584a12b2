-- Events that no worker could handle and that wait for somebody, by subscription. Reads esdb.parked_events.
create or replace function esdb_meta.doctor_parked()
returns table (
    finding text,
    severity text,
    subject text,
    fact text,
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
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
where parked.state <> 'replay'
group by parked.subscription
$function$;

comment on function esdb_meta.doctor_parked() is
    'Findings of `esdb doctor` about parked events.';

revoke all on function esdb_meta.doctor_parked() from public;
grant execute on function esdb_meta.doctor_parked() to esdb_maintainer;
