-- Writes the events of all appends of a call of append_to_streams(), none of them with an id of its caller's, after
-- _announce(), in one statement, and remembers the idempotency keys. streams: the row of each append's stream, advanced
-- by _advance_stream(), in the order of the call.
--
-- Locks nothing more. Errors: SE005.
create or replace function esdb._insert_appends(
    streams esdb.streams[],
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
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    return query
    insert into esdb.events as written
        (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
         event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
    select nextval('esdb.event_position'::regclass), r.*
    from (
        select
            _insert_appends.streams[a.ordinal] as stream,
            a.events,
            a.feature_context,
            a.action_type,
            a.metadata,
            left(esdb.new_ulid((_insert_appends.streams[a.ordinal]).updated_at), 20) as id_prefix
        from esdb._appends(_insert_appends.appends) as a
        -- once an append, not once an event
        offset 0
    ) as a
    cross join lateral esdb._event_rows(a.stream, a.events, a.feature_context, a.action_type, a.metadata, a.id_prefix) as r
    returning written.aggregate_id, written.id, written.version::bigint, written."position", written."timestamp";

    perform esdb._remember_key(
        a.aggregate_id, a.idempotency_key,
        (_insert_appends.streams[a.ordinal]).version - jsonb_array_length(a.events) + 1, jsonb_array_length(a.events))
    from esdb._appends(_insert_appends.appends) as a
    where a.idempotency_key is not null;
end
$function$;

comment on function esdb._insert_appends(esdb.streams[], jsonb) is
    'Writes the events of a call of append_to_streams() that gives no ids; one row an event, in order. Errors: SE005.';

revoke all on function esdb._insert_appends(esdb.streams[], jsonb) from public;
