-- What an application rebuilds an aggregate from: its newest usable snapshot and the events after that, in one row:
-- application → load_aggregate → streams, snapshots, read_stream → events.
--
-- Stable: the stream's row, the snapshot and the events are of one snapshot of the database. Locks, shared, until the
-- transaction ends: the leaves that hold the events after the snapshot, none when it covers them all; with as_of the
-- leaf of that time too. Errors: SE002, SE009, SE013.
create or replace function esdb.load_aggregate(
    inout aggregate_id text,
    at_version bigint default null,
    as_of timestamptz default null,
    out version bigint,
    out snapshot_version bigint,
    out snapshot_state jsonb,
    out events jsonb
)
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
    perform esdb._check_snapshot_range(load_aggregate.aggregate_id, load_aggregate.at_version);
    select s.* into _stream from esdb._streams as s where s.aggregate_id = load_aggregate.aggregate_id;
    perform esdb._refuse_deleted_stream(_stream);

    aggregate_id := load_aggregate.aggregate_id;
    version := 0;
    events := '[]';
    if _stream.version is not null then
        version := least(load_aggregate.at_version, esdb._version_as_of(_stream, load_aggregate.as_of));
    end if;
    select n.version, n.state
    into snapshot_version, snapshot_state
    from esdb.snapshots as n
    where n.aggregate_id = load_aggregate.aggregate_id and n.version <= load_aggregate.version
    order by n.version desc
    limit 1;
    if coalesce(snapshot_version, 0) < version then
        select jsonb_agg(to_jsonb(e) order by e.version)
        into events
        from esdb.read_stream(
            load_aggregate.aggregate_id,
            from_version => coalesce(load_aggregate.snapshot_version, 0) + 1,
            to_version => load_aggregate.version,
            max_count => 2147483647) as e;
    end if;
end
$function$;

comment on function esdb.load_aggregate(text, bigint, timestamptz) is
    'One row to rebuild an aggregate from: its newest usable snapshot and, as a JSON array in order, the events after it, each with all columns of events. version is what the two amount to, and what to append with as expected_version: 0 for no stream. at_version and as_of: the aggregate as it was. Reads only the leaves of the events after the snapshot: SE013 if any of these events is archived, or if as_of lies in a month of the stream that is. Errors: SE002, SE009, SE013.';

revoke all on function esdb.load_aggregate(text, bigint, timestamptz) from public;
grant execute on function esdb.load_aggregate(text, bigint, timestamptz) to esdb_reader, esdb_writer, esdb_maintainer;
