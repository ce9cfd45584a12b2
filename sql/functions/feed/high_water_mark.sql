-- The highest position below which no event can appear any more: every event up to it is visible or never will be.
--
-- Positions come from a sequence, so a transaction may commit position 7 when 8 is visible already. Each announced,
-- before it drew any, the sequence's value of that time (_announce()). Read the sequence, then the lowest value
-- announced: who announces after that draws positions above what was read, who announced before and is gone released
-- its lock only after its commit had become visible. So the mark is the lower of the two, and events up to it are
-- read with a snapshot taken AFTERWARDS: hence volatile, a statement of its own, and READ COMMITTED only.
--
-- A mark once found holds for good. It is recorded, and the scan is repeated only when the feed has grown beyond it and
-- a dear scan's pause is over: a scan serves for ten times as long as it took, so that however many consumers poll and
-- however many locks there are, scans hold the lock manager up for a tenth of the time at most.
-- Locks nothing beyond its own statement. Errors: SE011; 55000 on a standby, where no announcement can be seen.
create or replace function esdb.high_water_mark()
returns bigint
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _dear constant bigint := 1000;  -- microseconds; below it a scan earns no pause
    _longest_pause constant bigint := 100000;
    _is_read_only constant boolean := current_setting('transaction_read_only') = 'on';
    _started bigint;
    _took bigint;
    _rest bigint;
    _last bigint;
    _mark bigint;
begin
    perform esdb._check_feed_isolation();
    _mark := esdb._known_mark();
    _last := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    if _mark >= _last then
        return _mark;
    end if;

    _started := esdb._microseconds();
    _rest := coalesce(pg_sequence_last_value('esdb.mark_clock'::regclass), 0) - _started;
    -- A pause longer than any can be comes from a clock that stepped back since. A read-only transaction records nothing,
    -- so it does not wait for others to.
    if not _is_read_only and _rest > 0 and _rest <= _longest_pause then
        return _mark;
    end if;

    _mark := greatest(_mark, least(_last, esdb._lowest_announced()));
    perform esdb._record_mark(_mark);
    _took := esdb._microseconds() - _started;
    if _took > _dear and not _is_read_only then
        perform setval('esdb.mark_clock'::regclass, _started + _took + least(10 * _took, _longest_pause));
    end if;
    return _mark;
end
$function$;

comment on function esdb.high_water_mark() is
    'The highest position below which no event can appear any more. Call it as a statement of its own, before the read it is for. Errors: SE011 under REPEATABLE READ and SERIALIZABLE, 55000 on a standby.';

revoke all on function esdb.high_water_mark() from public;
grant execute on function esdb.high_water_mark() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
