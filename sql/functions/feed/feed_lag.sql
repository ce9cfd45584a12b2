-- How far the feed is behind, here: on a standby the mark that has come, and what of the primary's log it has not replayed.
-- Locks nothing. Errors: SE011.
create or replace function esdb.feed_lag(
    out is_standby boolean,
    out mark bigint,
    out last_position bigint,
    out positions_behind bigint,
    out seconds_behind double precision,
    out bytes_to_replay bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    is_standby := pg_is_in_recovery();
    mark := esdb.high_water_mark();
    last_position := greatest(mark, esdb.last_position());
    positions_behind := esdb._positions_between(mark, last_position);
    seconds_behind := 0;
    bytes_to_replay := 0;
    if is_standby then
        -- an idle primary commits nothing, and that is no lag
        bytes_to_replay := greatest(0, coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0));
        if positions_behind > 0 or bytes_to_replay > 0 then
            seconds_behind := coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0);
        end if;
    elsif positions_behind > 0 then
        seconds_behind := coalesce((
            select max(extract(epoch from a.age)) from esdb.open_appends as a), 0);
    end if;
end
$function$;

comment on function esdb.feed_lag() is
    'How far the feed is behind on this server. mark: up to where it can be read; last_position: the last position known here, on a standby up to 32 too high, because the primary logs positions ahead; positions_behind: so many events may still come, or fewer; seconds_behind: on a standby the age of the newest commit that it has replayed, on the primary that of the oldest open append; bytes_to_replay: of the log that has been received. For the lag behind the primary compare its esdb.high_water_mark(). Errors: SE011 under REPEATABLE READ and SERIALIZABLE.';

revoke all on function esdb.feed_lag() from public;
grant execute on function esdb.feed_lag() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
