-- Whether the feed goes on, for `esdb health`: events wait behind the high-water mark for no longer than most_seconds; on
-- a standby, for what it has to replay. Runs as its caller: whose sessions' ages are seen depends on who asks, and where
-- neither the caller nor the store's owner may see them, is_ok is null. Locks nothing. Errors: SE011.
create or replace function esdb._health_of_mark(
    most_seconds double precision
)
returns table (
    is_ok boolean,
    detail text,
    hint text
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
declare
    _lag record;
    _seconds double precision;
    _unseen bigint := 0;
    _open record;
begin
    select l.* into _lag from esdb.feed_lag() as l;
    _seconds := _lag.seconds_behind;
    if not _lag.is_standby and _lag.positions_behind > 0 then
        select
            count(*) filter (where a.age is null) as unseen,
            extract(epoch from max(a.age)) as seconds,
            (array_agg(a.ended_by order by a.age desc nulls last))[1] as ended_by
        into _open
        from esdb.open_appends as a;
        _seconds := greatest(_seconds, _open.seconds);
        _unseen := _open.unseen;
        hint := concat('esdb.open_appends tells who appends and does not end', '; this ends the oldest: ' || _open.ended_by);
    end if;
    detail := format('%s events wait behind it, for %s seconds', _lag.positions_behind, round(_seconds::numeric, 1));
    is_ok := _seconds <= most_seconds;
    if is_ok and _unseen > 0 and _lag.seconds_behind = 0 then
        is_ok := null;
        detail := format('%s events wait behind it, for an unknown time', _lag.positions_behind);
        hint := 'grant pg_monitor to the role of the probe, or to the owner of the store';
    end if;
    return next;
end
$function$;

comment on function esdb._health_of_mark(double precision) is
    'Whether the feed goes on, and who holds it up, for `esdb health ready`; is_ok null: the role may not see it. Errors: SE011.';

revoke all on function esdb._health_of_mark(double precision) from public;
-- a probe may be any role's
grant execute on function esdb._health_of_mark(double precision) to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
