-- Appends to several streams in one atomic call: application → append_to_streams → streams, events. Each stream has
-- an expected version of its own; one conflict undoes all.
--
-- Locks, until the transaction ends, what append_events() locks, for each stream, in the order of aggregate_id whatever
-- the order of the call: two calls over the same streams wait for one another and never deadlock. Then one announcement,
-- and the events, with positions in the order of the call. A call of which a part is known and another is not is no
-- repetition: SE006. Errors: SE001 to SE007, SE009, SE010, SE012, SE013.
create or replace function esdb.append_to_streams(
    appends jsonb
)
returns table (
    aggregate_id text,
    id text,
    version bigint,
    "position" bigint,
    "timestamp" timestamptz
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _had_xid boolean := pg_current_xact_id_if_assigned() is not null;
    _append record;
    _stream esdb.streams;
    _streams esdb.streams[];
    _has_ids boolean := false;
    _repeated integer := 0;
    _repeated_id text;
begin
    perform esdb._check_appends(appends);

    for _append in select a.* from esdb._appends(appends) as a order by a.aggregate_id collate "C" loop
        _stream := esdb._advance_stream(
            _append.aggregate_id, _append.events, _append.has_ids, _append.expected_version,
            _append.bounded_context, _append.group_context, _append.aggregate_type, _append.idempotency_key);
        if _stream.version is null then
            _repeated := _repeated + 1;
            _repeated_id := _append.aggregate_id;
        end if;
        _streams[_append.ordinal] := _stream;
        _has_ids := _has_ids or _append.has_ids;
    end loop;

    if _repeated = cardinality(_streams) then
        return query
        select a.aggregate_id, f.id, f.version, f."position", f."timestamp"
        from esdb._appends(append_to_streams.appends) as a
        cross join lateral esdb._first_result(esdb._lock_stream(a.aggregate_id), a.idempotency_key, a.events) as f
        order by a.ordinal, f.version;
        return;
    elsif _repeated > 0 then
        raise exception 'not a repetition: some of the appends are known, others are new'
            using errcode = 'SE006',
                  detail = format('%s of %s are known, %s among them', _repeated, cardinality(_streams), _repeated_id),
                  hint = 'A repetition has the same appends; anything else needs ids or keys of its own.';
    end if;

    if esdb._wake_listeners() then
        perform esdb._move_head(_streams[1 + floor(random() * cardinality(_streams))::integer].aggregate_id);
    end if;
    perform esdb._announce(_had_xid);
    if not _has_ids then
        return query select * from esdb._insert_appends(_streams, appends);
        return;
    end if;
    for _append in select a.* from esdb._appends(appends) as a order by a.ordinal loop
        return query
        select _append.aggregate_id, e.id, e.version, e."position", e."timestamp"
        from esdb._insert_events(
            _streams[_append.ordinal], _append.events, _append.feature_context, _append.action_type, _append.metadata,
            _append.idempotency_key, _append.has_ids) as e;
    end loop;
end
$function$;

comment on function esdb.append_to_streams(jsonb) is
    'Appends to several streams, all or none; one row an event, in the order of the call. appends is an array of objects with aggregate_id, events and the other parameters of append_events(); each stream stands in it once, and the events are at most 10,000. Streams are locked in the order of aggregate_id. A call that is repeated whole returns the first results. Errors: SE001 to SE007, SE009, SE010, SE012, SE013.';

revoke all on function esdb.append_to_streams(jsonb) from public;
grant execute on function esdb.append_to_streams(jsonb) to esdb_writer;
