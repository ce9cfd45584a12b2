-- The partitions of a subscription that nobody is at and that may have something to deliver, the one furthest behind first.
-- parked_state: that of the first parked event to be delivered again, null where there is none. Locks nothing, so
-- the caller looks again at what it has locked.
create or replace function esdb._claimable(
    subscription text,
    last_position bigint
)
returns table (
    partition integer,
    parked_state text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
begin
    -- not a function in SQL: that would be planned at each call
    return query
    select p.partition, d.parked_state
    from esdb.subscription_partitions as p
    cross join lateral esdb._checkpoint(p.subscription, p.partition) as c
    cross join lateral (
        select (
            select w.state
            from esdb._deliverable(p.subscription, p.partition) as w
            limit 1
        ) as parked_state
    ) as d
    where p.subscription = _claimable.subscription
        and coalesce(c.lease_until <= clock_timestamp(), true)
        and (d.parked_state is not null or (c.position < last_position and coalesce(c.retry_at <= clock_timestamp(), true)))
    order by c.position, p.partition;
end
$function$;

comment on function esdb._claimable(text, bigint) is
    'The partitions of a subscription that may have something to deliver, the one furthest behind first.';

revoke all on function esdb._claimable(text, bigint) from public;
