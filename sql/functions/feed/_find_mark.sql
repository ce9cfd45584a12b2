-- Finds the high-water mark: see high_water_mark(), which says why it is right. Not on a standby.
--
-- A mark once found holds for good. It is recorded, and the scan is repeated only when the feed has grown beyond it and
-- a dear scan's pause is over: beside many locks a scan serves for more than ten times as long as it takes, so that
-- however many consumers poll, scans hold the lock manager up for a tenth of the time at most. The locks are counted,
-- because a clock would take a busy machine, or a session whose first scan it is, for a dear scan. clock: the sequence
-- that says until when the pause lasts; null: scan in any case. Appends have their own, so that they make no reader wait.
--
-- Until the first append after a crash the sequence says nothing: it was logged ahead, and a mark above the last event
-- would be a position that the lost ones may have had. Then the last event's is the mark, and it stays, since only
-- prepared transactions can still add an event.
-- Locks nothing beyond its own statement.
create or replace function esdb._find_mark(
    clock regclass default 'esdb.mark_clock'::regclass
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _many_locks constant integer := 2000;  -- up to there, about a millisecond, a scan earns no pause
    _pause_for_lock constant integer := 10;  -- microseconds
    _longest_pause constant integer := 100000;
    _is_read_only constant boolean := current_setting('transaction_read_only') = 'on';
    _rest bigint;
    _last constant bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
    _announced bigint;
    _lock_count bigint;
    _mark bigint := esdb._known_mark();
begin
    if pg_sequence_last_value('esdb.epoch_start'::regclass) is null then
        if _mark = 0 then
            select a.lowest_position into _announced from esdb._lowest_announced() as a;
            _mark := greatest(
                least(_last, _announced, esdb._last_event_position()),
                pg_sequence_last_value('esdb.durable_mark'::regclass));
            if _announced is null then
                perform esdb._record_mark(_mark);
            end if;
        end if;
        return _mark;
    end if;

    if _mark >= _last then
        return _mark;
    end if;
    _rest := pg_sequence_last_value(clock) - esdb._microseconds();
    -- A pause longer than any can be comes from a clock that stepped back since. A read-only transaction records nothing,
    -- so it does not wait for others to.
    if _rest > 0 and _rest <= _longest_pause and not _is_read_only then
        return _mark;
    end if;

    select a.lowest_position, a.lock_count into _announced, _lock_count from esdb._lowest_announced() as a;
    _mark := greatest(_mark, least(_last, _announced));
    perform esdb._record_mark(_mark);
    if _lock_count > _many_locks and not _is_read_only then
        perform setval(clock, esdb._microseconds() + least(_lock_count * _pause_for_lock, _longest_pause));
    end if;
    return _mark;
end
$function$;

comment on function esdb._find_mark(regclass) is 'Finds the high-water mark and records it; not on a standby.';

revoke all on function esdb._find_mark(regclass) from public;
