-- The rows of the view subscription_lag: a look at the newest checkpoint of each partition, and at the next event in the
-- feed where there may be one. Locks what read_all() locks. Errors: SE011.
create or replace function esdb._subscription_lag()
returns table (
    subscription text,
    partition integer,
    "position" bigint,
    events_behind bigint,
    seconds_behind double precision,
    worker text,
    lease_until timestamptz,
    last_error text
)
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
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
begin
    return query
    select
        p.subscription,
        p.partition,
        c.position,
        esdb._positions_between(c.position, _last),
        case when c.position < _last then esdb._seconds_behind(c.position) else 0 end,
        case when c.lease_until is not null then c.worker end,
        c.lease_until,
        c.last_error
    from esdb.subscription_partitions as p
    cross join lateral esdb._checkpoint(p.subscription, p.partition) as c
    order by p.subscription, p.partition;
end
$function$;

comment on function esdb._subscription_lag() is 'The rows of the view subscription_lag. Errors: SE011.';

revoke all on function esdb._subscription_lag() from public;
grant execute on function esdb._subscription_lag() to esdb_consumer, esdb_maintainer;
