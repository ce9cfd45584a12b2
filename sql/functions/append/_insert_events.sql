-- Writes the events of a call to a stream that _advance_stream() has advanced, after _announce(), in one statement, and
-- remembers the idempotency key. Only where a caller's ids are among them does the insert look for conflicts, which costs
-- it a tenth.
--
-- Locks nothing more. Errors: SE005, SE007.
create or replace function esdb._insert_events(
    stream esdb.streams,
    events jsonb,
    feature_context text,
    action_type text,
    metadata jsonb,
    idempotency_key text,
    has_ids boolean
)
returns setof esdb.append_result
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
declare
    _count constant integer := jsonb_array_length(events);
    _prefix constant text := left(esdb.new_ulid(stream.updated_at), 20);
    _written integer;
begin
    if has_ids then
        return query
        insert into esdb.events as written
            (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
             event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
        select nextval('esdb.event_position'::regclass), r.*
        from esdb._event_rows(stream, events, feature_context, action_type, metadata, _prefix) as r
        on conflict do nothing
        returning written.id, written.version::bigint, written."position", written."timestamp";
        get diagnostics _written = row_count;
        if _written <> _count then
            perform esdb._refuse_duplicate_id(stream.aggregate_id, stream.version - _count, array(
                select e.event ->> 'id' from jsonb_array_elements(events) as e (event) where e.event ->> 'id' is not null));
        end if;
    else
        return query
        insert into esdb.events as written
            (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
             event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
        select nextval('esdb.event_position'::regclass), r.*
        from esdb._event_rows(stream, events, feature_context, action_type, metadata, _prefix) as r
        returning written.id, written.version::bigint, written."position", written."timestamp";
    end if;
    if idempotency_key is not null then
        perform esdb._remember_key(stream.aggregate_id, idempotency_key, stream.version - _count + 1, _count);
    end if;
end
$function$;

comment on function esdb._insert_events(esdb.streams, jsonb, text, text, jsonb, text, boolean) is
    'Writes the events of a call behind the version that their stream had; one row an event, in order. Errors: SE005, SE007.';

revoke all on function esdb._insert_events(esdb.streams, jsonb, text, text, jsonb, text, boolean) from public;
