-- The newest snapshot of an aggregate, or the newest that holds no event later than a version or a time. as_of asks
-- for the time of the events, not for when the snapshot was saved. No row for a stream that has none, is deleted or
-- does not exist. Stable: stream and snapshots are of one snapshot of the database. Locks: with as_of one leaf at
-- most, shared, until the transaction ends. Errors: SE009, SE013.
create or replace function esdb.get_snapshot(
    aggregate_id text,
    at_version bigint default null,
    as_of timestamptz default null
)
returns setof esdb.snapshots
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
begin
    perform esdb._check_snapshot_range(get_snapshot.aggregate_id, get_snapshot.at_version);
    select s.* into _stream from esdb._streams as s where s.aggregate_id = get_snapshot.aggregate_id;
    if _stream.version is null or _stream.deleted_at is not null then
        return;
    end if;
    return query
    select n.*
    from esdb.snapshots as n
    where n.aggregate_id = _stream.aggregate_id
        and n.version <= least(get_snapshot.at_version, esdb._version_as_of(_stream, get_snapshot.as_of))
    order by n.version desc
    limit 1;
end
$function$;

comment on function esdb.get_snapshot(text, bigint, timestamptz) is
    'An aggregate''s newest snapshot: of all, of those up to at_version, or of those whose events had all been recorded by as_of (not: saved by then). No row when there is none, for a deleted stream, or for no stream. SE013 if as_of lies in a month of the stream that is archived. Errors: SE009, SE013.';

revoke all on function esdb.get_snapshot(text, bigint, timestamptz) from public;
grant execute on function esdb.get_snapshot(text, bigint, timestamptz) to esdb_reader, esdb_writer, esdb_maintainer;
