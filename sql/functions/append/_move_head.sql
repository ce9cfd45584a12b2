-- Detaches a stream's head from its row where the row has become dear to update, and attaches it again where it is
-- cheap: called by an append now and then, which has locked the row.
--
-- Dear is a row of which a lookup by its key comes to more than four pages of old versions. They are removed as soon as
-- nobody can see them any more, so they only pile up under a snapshot that is held for long; then each update has to
-- pass by all of them, and a stream with a thousand appends a second comes to a standstill. Of a stream whose
-- head is detached the row stays as it is, and appends move its row in esdb.detached_heads.
--
-- Pages are counted by the server's own statistics; with track_counts off nothing is detached. The settings have the row
-- looked up as appends do, whatever the planner thinks of a small table. Locks nothing more than its caller.
create or replace function esdb._move_head(
    aggregate_id text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _before constant bigint := pg_stat_get_xact_blocks_fetched('esdb.streams'::regclass);
    _version bigint;
    _pages bigint;
begin
    -- strict, which looks for a second row: else the first that is visible would end the walk that updates have to finish
    select s.version
    into strict _version
    from esdb.streams as s
    where s.aggregate_id = _move_head.aggregate_id;
    _pages := pg_stat_get_xact_blocks_fetched('esdb.streams'::regclass) - _before;
    if _version is null and _pages <= 2 then
        perform esdb._attach_head(aggregate_id);
    elsif _version is not null and _pages > 4 then
        perform esdb._detach_head(aggregate_id);
    end if;
end
$function$;

comment on function esdb._move_head(text) is
    'Detaches the head of a stream whose row has many versions that cannot be removed, or attaches it where they are gone.';

revoke all on function esdb._move_head(text) from public;
