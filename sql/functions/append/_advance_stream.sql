-- Advances a stream by a number of events: locks its row, checks what the caller expects of it, makes the stream where
-- it is new, and notes the month. The new events' versions are (version - event_count, version] of the row returned
-- and their timestamp is its updated_at.
--
-- Returns null when the stream is deleted or its version does not fit; the caller looks for a repetition and then asks
-- _refuse_append() why. append_event() has the same steps inline, for speed.
-- Locks the stream's row until the transaction ends. Errors: SE004, SE005.
create or replace function esdb._advance_stream(
    aggregate_id text,
    event_count integer,
    expected_version bigint,
    aggregate_type text,
    bounded_context text,
    group_context text
)
returns esdb.streams
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _now timestamptz := clock_timestamp();
    _month timestamptz := date_trunc('month', _now, 'UTC');
    _new record;
    _stream esdb.streams;
begin
    if expected_version is distinct from 0 then
        update esdb.streams as s
        set version = s.version + _advance_stream.event_count,
            month_version = case when s.updated_at < _month then s.version + 1 else s.month_version end,
            updated_at = greatest(_now, s.updated_at)
        where s.aggregate_id = _advance_stream.aggregate_id
          and (coalesce(_advance_stream.expected_version, -1) = -1 or s.version = _advance_stream.expected_version)
          and s.deleted_at is null
        returning s.* into _stream;
    end if;
    if _stream.version is null and coalesce(expected_version, 0) = 0 then
        _new := esdb._new_stream_contexts(aggregate_id, aggregate_type, bounded_context, group_context);
        if _new.bounded_context is not null then
            insert into esdb.streams as s
                (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)
            values
                (_advance_stream.aggregate_id, _new.aggregate_type, _new.bounded_context, _new.group_context,
                 _advance_stream.event_count, 1, _now, _now)
            on conflict do nothing
            returning s.* into _stream;
        end if;
    end if;
    if _stream.version is null then
        return null;
    end if;
    if aggregate_type <> _stream.aggregate_type or bounded_context <> _stream.bounded_context then
        perform esdb._refuse_append(aggregate_id, expected_version, aggregate_type, bounded_context);
    end if;
    if _stream.month_version = _stream.version - event_count + 1 and _stream.month_version > 1 then
        perform esdb._enter_month(aggregate_id, _stream.updated_at, _stream.month_version);
    end if;
    if _stream.updated_at >= esdb._newest_month_end() then
        perform esdb._raise_newest_month(_stream.updated_at);
    end if;
    return _stream;
end
$function$;

comment on function esdb._advance_stream(text, integer, bigint, text, text, text) is
    'Locks, checks and advances a stream by event_count; null when the stream is deleted or expected_version does not fit. Errors: SE004, SE005.';

revoke all on function esdb._advance_stream(text, integer, bigint, text, text, text) from public;
