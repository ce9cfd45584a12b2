-- Advances a stream whose head is detached, by the events of a call, and returns its row as it then would be, with the
-- group_context that these events get. Null when the stream's head is not detached, or the call does not fit it:
-- _refuse_append() knows why.
--
-- By index, as _detached_head(). Locks the stream's row until the transaction ends, without writing a version of it.
-- Errors: SE005; 40001 under REPEATABLE READ or SERIALIZABLE, where the stream moved since the snapshot.
create or replace function esdb._advance_detached_head(
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
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _stream esdb.streams;
    _head esdb.detached_heads;
begin
    select s.*
    into _stream
    from esdb.streams as s
    where s.aggregate_id = _advance_detached_head.aggregate_id
        and s.version is null
        and s.deleted_at is null
        and s.aggregate_type = coalesce(_advance_detached_head.aggregate_type, s.aggregate_type)
        and s.bounded_context = coalesce(_advance_detached_head.bounded_context, s.bounded_context)
    for no key update;
    if not found then
        return null;
    end if;

    -- a statement of its own: it sees what the lock's last holder did
    _head := esdb._detached_head(aggregate_id);
    if expected_version >= 0 and expected_version <> _head.version then
        return null;
    end if;
    _stream.version := _head.version + event_count;
    _stream.updated_at := greatest(clock_timestamp(), _head.updated_at);
    _stream.month_version := case
        when _head.updated_at < date_trunc('month', _stream.updated_at, 'UTC') then _head.version + 1
        else _head.month_version
    end;
    update esdb.detached_heads as d
    set version = _stream.version,
        month_version = _stream.month_version,
        updated_at = _stream.updated_at
    where d.aggregate_id = _stream.aggregate_id
        and d.version = _head.version;
    if group_context <> _stream.group_context then
        _stream.group_context := esdb._known_group(group_context);
    end if;
    return _stream;
end
$function$;

comment on function esdb._advance_detached_head(text, integer, bigint, text, text, text) is
    'Locks, checks and advances a stream whose head is detached; null when it is not, or the call does not fit. Errors: SE005, 40001.';

revoke all on function esdb._advance_detached_head(text, integer, bigint, text, text, text) from public;
