-- Advances a stream by the events of a call: locks its row, checks what the caller expects of it, makes the stream
-- where it is new, and notes the month. The new events' versions are (version - their number, version] of the row
-- returned and their timestamp is its updated_at; its group_context is the one that the call's events get.
--
-- Returns null when the call repeats an earlier one: _first_result() has what that one got. append_event() has the
-- same steps inline, for speed.
-- Locks the stream's row until the transaction ends. Errors: SE001 to SE006, SE013.
create or replace function esdb._advance_stream(
    aggregate_id text,
    events jsonb,
    has_ids boolean,
    expected_version bigint,
    bounded_context text,
    group_context text,
    aggregate_type text,
    idempotency_key text
)
returns esdb.streams
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _count constant integer := jsonb_array_length(events);
    _now timestamptz := clock_timestamp();
    _month timestamptz := date_trunc('month', _now, 'UTC');
    -- a repetition is looked for before the stream moves, unless expected_version will prove the events new
    _looks boolean := idempotency_key is not null or (has_ids and coalesce(expected_version, -1) = -1);
    _exists boolean := true;
    _refused boolean := false;
    _type text;
    _context text;
    _group text;
    _stream esdb.streams;
begin
    loop
        if _looks then
            _stream := esdb._lock_stream(aggregate_id);
            perform esdb._first_result(_stream, idempotency_key, events);
            if found then
                return null;
            end if;
            -- of a stream that was not there to be locked, only making it proves that the events are new
            _exists := _stream.version is not null;
        end if;
        if _refused then
            perform esdb._refuse_append(aggregate_id, expected_version, aggregate_type, bounded_context);
        end if;
        if expected_version is distinct from 0 and _exists then
            update esdb.streams as s
            set version = s.version + _count,
                month_version = case when s.updated_at < _month then s.version + 1 else s.month_version end,
                updated_at = greatest(_now, s.updated_at)
            where s.aggregate_id = _advance_stream.aggregate_id
              and s.version = coalesce(nullif(_advance_stream.expected_version, -1), s.version)
              and s.deleted_at is null
            returning s.* into _stream;
            exit when found;
        end if;
        if coalesce(expected_version, 0) = 0 then
            _type := aggregate_type;
            _context := bounded_context;
            _group := group_context;
            -- the codes that every store has are known by heart
            if _type is null
                or (_context in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e') and _group in ('m', 'c', 's')) is not true
            then
                select n.aggregate_type, n.bounded_context, n.group_context
                into _type, _context, _group
                from esdb._new_stream_contexts(aggregate_id, _type, _context, _group) as n;
            end if;
            if _context is not null then
                insert into esdb.streams as s
                    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
                values (_advance_stream.aggregate_id, _type, _context, _group, _count, 1, _now, _now)
                on conflict do nothing
                returning s.* into _stream;
                exit when found;
            end if;
        end if;
        _stream := esdb._advance_detached_head(
            aggregate_id, _count, expected_version, aggregate_type, bounded_context, group_context);
        exit when _stream.version is not null;
        -- Refused. A repetition gets its first result; else this raises, unless the stream changed just now so that
        -- the call fits after all.
        _looks := has_ids or idempotency_key is not null;
        _refused := true;
    end loop;

    if aggregate_type <> _stream.aggregate_type or bounded_context <> _stream.bounded_context then
        perform esdb._refuse_append(aggregate_id, expected_version, aggregate_type, bounded_context);
    end if;
    if _stream.month_version = _stream.version - _count + 1 and _stream.month_version > 1 then
        perform esdb._enter_month(aggregate_id, _stream.updated_at, _stream.month_version);
    end if;
    if _stream.updated_at >= esdb._newest_month_end() then
        perform esdb._raise_newest_month(_stream.updated_at);
    end if;
    if group_context <> _stream.group_context then
        _stream.group_context := esdb._known_group(group_context);
    end if;
    return _stream;
end
$function$;

comment on function esdb._advance_stream(text, jsonb, boolean, bigint, text, text, text, text) is
    'Locks, checks and advances a stream by the events of a call; null when the call repeats an earlier one. Errors: SE001 to SE006, SE013.';

revoke all on function esdb._advance_stream(text, jsonb, boolean, bigint, text, text, text, text) from public;
