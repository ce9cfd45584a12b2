-- Gives up parked events that failed, all of a subscription or the one at a position; what waits behind them is delivered.
-- Locks, until the transaction ends: all partitions. Errors: SE009, SE020.
create or replace function esdb.discard_parked(
    subscription text,
    "position" bigint default null
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _positions bigint[];
begin
    perform esdb._lock_subscription(discard_parked.subscription);
    with discarded as (
        delete from esdb.subscription_parkings as p
        where p.subscription = discard_parked.subscription
            and p.state <> 'waiting'
            and coalesce(p.position = discard_parked.position, true)
        returning p.position
    )
    select array_agg(d.position order by d.position) into _positions from discarded as d;
    perform esdb._note_parked('discard', discard_parked.subscription, discard_parked.position, _positions);
end
$function$;

comment on function esdb.discard_parked(text, bigint) is
    'Gives up the failed event at a position, or all of them: the subscription does not deliver them again. Errors: SE009 where there is none at that position, SE020.';

revoke all on function esdb.discard_parked(text, bigint) from public;
grant execute on function esdb.discard_parked(text, bigint) to esdb_maintainer;
