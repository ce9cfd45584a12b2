-- Has parked events that failed delivered again, all of a subscription or the one at a position; where on_failure is stop,
-- what waits behind them follows. One that fails again is parked again at once; one that waited has max_attempts.
--
-- Locks, until the transaction ends: all partitions. Errors: SE009, SE020.
create or replace function esdb.replay_parked(
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
    perform esdb._lock_subscription(replay_parked.subscription);
    with replayed as (
        update esdb.subscription_parkings as p
        set state = 'replay', retry_at = null
        where p.subscription = replay_parked.subscription
            and p.state = 'failed'
            and coalesce(p.position = replay_parked.position, true)
        returning p.position
    )
    select array_agg(r.position order by r.position) into _positions from replayed as r;
    perform esdb._note_parked('replay', replay_parked.subscription, replay_parked.position, _positions);
end
$function$;

comment on function esdb.replay_parked(text, bigint) is
    'Has the failed event at a position, or all of them, delivered again by claim_events(). Errors: SE009 where there is none at that position, SE020.';

revoke all on function esdb.replay_parked(text, bigint) from public;
grant execute on function esdb.replay_parked(text, bigint) to esdb_maintainer;
