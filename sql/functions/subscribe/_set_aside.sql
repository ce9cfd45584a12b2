-- Lets events wait behind a parked one of their aggregate, where the subscription wants that: those at the beginning of
-- events are parked, and the checkpoint has to move behind them, to done_to (null: there are none); before the next of
-- them events is cut off, so that what is parked and how far the checkpoint is are always of one transaction. The caller
-- has locked the partition.
--
-- Without sequential scans: where many events of few aggregates wait, the planner takes the first row for the right one.
create or replace function esdb._set_aside(
    checkpoint esdb.subscription_checkpoints,
    inout events esdb.events[],
    inout scanned_to bigint,
    out done_to bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    _waits boolean[] := array(
        select exists (
            select
            from esdb.subscription_parkings as p
            where p.subscription = checkpoint.subscription
                and p.partition = checkpoint.partition
                and p.aggregate_id = e.aggregate_id
        )
        from unnest(events) with ordinality as e
        order by e.ordinality
    );
    _leading integer := coalesce(array_position(_waits, false), cardinality(_waits) + 1) - 1;
    _cut integer;
begin
    if _leading > 0 then
        perform esdb._park(checkpoint, events[1:_leading], 'waiting', 0, null);
        done_to := case when _leading = cardinality(_waits) then scanned_to else events[_leading].position end;
        events := events[_leading + 1:];
        _waits := _waits[_leading + 1:];
    end if;
    _cut := array_position(_waits, true);
    if _cut is not null then
        events := events[1:_cut - 1];
        scanned_to := events[_cut - 1].position;
    end if;
end
$function$;

comment on function esdb._set_aside(esdb.subscription_checkpoints, esdb.events[], bigint) is
    'Parks the events that wait behind a parked one of their aggregate.';

revoke all on function esdb._set_aside(esdb.subscription_checkpoints, esdb.events[], bigint) from public;
