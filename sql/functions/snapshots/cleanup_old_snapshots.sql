-- Removes old snapshots: of each aggregate the newest `keep` stay, whatever their versions, and all that are younger
-- than older_than. Returns how many it removed.
--
-- In one transaction, which holds locks on all that it removed until it ends: a save waits for it only if it saves the
-- very version of an aggregate that has just been removed. `esdb snapshots cleanup` commits after each batch. Waits for
-- nobody; two at once share the work. Errors: SE009.
create or replace function esdb.cleanup_old_snapshots(
    keep integer default null,
    older_than interval default null
)
returns bigint
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _aggregate_id text;
    _version bigint;
    _removed bigint;
    _total bigint := 0;
begin
    loop
        select b.aggregate_id, b.version, b.removed
        into _aggregate_id, _version, _removed
        from esdb._cleanup_snapshots(keep, older_than, _aggregate_id, _version) as b;
        _total := _total + _removed;
        exit when _aggregate_id is null;
    end loop;
    return _total;
end
$function$;

comment on function esdb.cleanup_old_snapshots(integer, interval) is
    'Removes snapshots beyond each aggregate''s newest keep (null: the setting snapshots_kept) that were saved longer than older_than ago (null: the setting snapshot_retention), and returns how many. The newest never goes. One transaction; `esdb snapshots cleanup` commits after each batch. Errors: SE009.';

revoke all on function esdb.cleanup_old_snapshots(integer, interval) from public;
grant execute on function esdb.cleanup_old_snapshots(integer, interval) to esdb_maintainer;
