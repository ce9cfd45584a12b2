-- The highest position below which no event can appear any more: every event up to it is visible or never will be.
--
-- Positions come from a sequence, so a transaction may commit position 7 when 8 is visible already. Each announced,
-- before it drew any, the sequence's value of that time (_announce()). Read the sequence, then the lowest value
-- announced: who announces after that draws positions above what was read, who announced before and is gone released
-- its lock only after its commit had become visible. So the mark is the lower of the two, and events up to it are
-- read with a snapshot taken AFTERWARDS: hence volatile, a statement of its own, and READ COMMITTED only.
--
-- On a standby no announcement can be seen. There it is the mark that the primary has put into the write-ahead log, behind
-- the commits that it covers (_publish_mark()): who sees the value sees the events in a snapshot taken afterwards.
-- Locks nothing beyond its own statement. Errors: SE011.
create or replace function esdb.high_water_mark()
returns bigint
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _mark bigint;
begin
    perform esdb._check_feed_isolation();
    _mark := esdb._known_mark();
    if _mark >= coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0) or pg_is_in_recovery() then
        return _mark;
    end if;
    return esdb._find_mark();
end
$function$;

comment on function esdb.high_water_mark() is
    'The highest position below which no event can appear any more. Call it as a statement of its own, before the read it is for. On a standby: the mark that the primary has published. Errors: SE011 under REPEATABLE READ and SERIALIZABLE.';

revoke all on function esdb.high_water_mark() from public;
grant execute on function esdb.high_water_mark() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
