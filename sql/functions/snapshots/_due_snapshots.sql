-- The living streams with so many events after their newest snapshot, or after their start where they have none. Null
-- threshold means the setting snapshot_threshold. Reads esdb.streams from end to end, and for each stream of at least
-- threshold events looks up its newest snapshot. Locks nothing. Errors: SE009.
create or replace function esdb._due_snapshots(
    threshold integer default null
)
returns table (
    aggregate_id text,
    aggregate_type text,
    bounded_context text,
    version bigint,
    snapshot_version bigint,
    events_since_snapshot bigint
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _threshold integer := coalesce(threshold, esdb._setting('snapshot_threshold')::integer);
begin
    if _threshold < 1 then
        perform esdb._invalid_argument('threshold', _threshold::text, 'Pass a number of events from 1 on.');
    end if;
    return query
    select
        s.aggregate_id,
        s.aggregate_type,
        s.bounded_context::text,
        s.version::bigint,
        newest.version::bigint,
        s.version - coalesce(newest.version, 0)
    from esdb._streams as s
    left join lateral (
        select n.version
        from esdb.snapshots as n
        where n.aggregate_id = s.aggregate_id
        order by n.version desc
        limit 1
    ) as newest on true
    where s.deleted_at is null and s.version >= _threshold and s.version - coalesce(newest.version, 0) >= _threshold;
end
$function$;

comment on function esdb._due_snapshots(integer) is
    'The living streams with at least threshold events (null: the setting snapshot_threshold) after their newest snapshot. Errors: SE009.';

revoke all on function esdb._due_snapshots(integer) from public;
-- the view esdb.snapshots_due calls it as its reader
grant execute on function esdb._due_snapshots(integer) to esdb_reader, esdb_writer, esdb_maintainer;
