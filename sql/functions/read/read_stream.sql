-- Reads one stream's events by version: application → read_stream → streams, events.
--
-- The stream's row says in which months the versions asked for lie, and only those leaves are read. The partitions
-- are chosen when the statement is planned, with the bounds at hand: no cached plan may see the partition tree, because
-- it would lock every leaf. Stable: row and events are of one snapshot. Locks: the leaves read, shared, until the
-- transaction ends. Errors: SE009.
create or replace function esdb.read_stream(
    aggregate_id text,
    from_version bigint default 1,
    to_version bigint default null,
    max_count integer default 1000,
    backward boolean default false,
    as_of timestamptz default null,
    include_deleted boolean default false,
    skip_archived boolean default false
)
returns setof esdb.events
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
    _from bigint := greatest(from_version, 1);
    _to bigint;
    _starts timestamptz[];
begin
    if (from_version >= 0 and coalesce(to_version >= 0, true) and max_count >= 1 and aggregate_id is not null
        and num_nulls(backward, include_deleted, skip_archived) = 0) is not true
    then
        perform esdb._check_read_stream(
            aggregate_id, from_version, to_version, max_count, backward, include_deleted, skip_archived);
    end if;
    select s.* into _stream from esdb.streams as s where s.aggregate_id = read_stream.aggregate_id;
    if _stream.version is null or (_stream.deleted_at is not null and not include_deleted) or as_of < _stream.created_at then
        return;
    end if;

    -- versions have no gaps, so a page's end is known before it is read, and with it the months it needs
    _to := least(to_version, _stream.version);
    if _from > _to then
        return;
    end if;
    if not backward then
        _to := least(_to, _from - 1 + max_count);
    elsif as_of is null then
        _from := greatest(_from, _to - max_count + 1);
    end if;
    if _from >= _stream.month_version then
        return query execute
            'select e.* from esdb.events as e'
            ' where e.bounded_context = $1 and e.timestamp >= $2 and e.timestamp <= $3'
            ' and e.aggregate_id = $4 and e.version between $5 and $6'
            || case when backward then ' order by e.version desc limit $7' else ' order by e.version limit $7' end
            using _stream.bounded_context, esdb._utc_month(_stream.updated_at), least(as_of, _stream.updated_at),
                _stream.aggregate_id, _from, _to, max_count;
        return;
    end if;

    _starts := esdb._stream_months(_stream, _from, _to);
    return query execute
        'select e.* from esdb.events as e'
        ' where e.bounded_context = $1 and e.timestamp <= $2'
        || esdb._in_months('$3', cardinality(_starts))
        || ' and e.aggregate_id = $4 and e.version between $5 and $6'
        || case when backward then ' order by e.version desc limit $7' else ' order by e.version limit $7' end
        using _stream.bounded_context, least(as_of, _stream.updated_at), _starts, _stream.aggregate_id, _from, _to, max_count;
end
$function$;

comment on function esdb.read_stream(text, bigint, bigint, integer, boolean, timestamptz, boolean, boolean) is
    'A stream''s events from from_version to to_version (null: the newest), at most max_count; backward: from the newest downwards. as_of: only what had been recorded by then. A deleted stream shows only with include_deleted; a stream that does not exist has no rows. skip_archived: go on past archived events instead of raising SE013. Errors: SE009.';

revoke all on function esdb.read_stream(text, bigint, bigint, integer, boolean, timestamptz, boolean, boolean) from public;
grant execute on function esdb.read_stream(text, bigint, bigint, integer, boolean, timestamptz, boolean, boolean)
    to esdb_reader, esdb_writer, esdb_maintainer;
