-- Writes the events of a call to a stream that _advance_stream() has advanced, after _announce(), in one statement, and
-- remembers the idempotency key. Events without an id share a ULID's time and 50 random bits and count up behind them,
-- so their ids sort as they stand.
--
-- Locks nothing more. Errors: SE005, SE007.
create or replace function esdb._insert_events(
    stream esdb.streams,
    events jsonb,
    feature_context text,
    action_type text,
    metadata jsonb,
    idempotency_key text
)
returns setof esdb.append_result
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _count constant integer := jsonb_array_length(events);
    _before constant bigint := stream.version - _count;
    _prefix text := left(esdb.new_ulid(stream.updated_at), 20);
    _action text;
    _written integer;
begin
    if feature_context is not null then
        _action := esdb._action_of_feature(feature_context);
    end if;

    return query
    insert into esdb.events as written
        (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
         event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
    select
        nextval('esdb.event_position'::regclass),
        coalesce(e.id, _prefix || (100000 + e.ordinal)::text),
        stream.bounded_context,
        coalesce(e.group_context, stream.group_context),
        coalesce(e.feature_context, _insert_events.feature_context, case when _before + e.ordinal = 1 then 'c' else 'u' end),
        coalesce(
            e.action_type, _insert_events.action_type,
            case
                when e.feature_context is not null then esdb._action_of_feature(e.feature_context)
                when _action is not null then _action
                when _before + e.ordinal = 1 then 'create'
                else 'update'
            end),
        stream.aggregate_type,
        stream.aggregate_id,
        e.event_type,
        coalesce(e.schema_version, 1),
        _before + e.ordinal,
        stream.updated_at,
        e.occurred_at,
        e.payload,
        case when _insert_events.metadata is null then e.metadata else _insert_events.metadata || coalesce(e.metadata, '{}') end
    from rows from (
        jsonb_to_recordset(_insert_events.events) as (
            id text,
            event_type text,
            payload jsonb,
            metadata jsonb,
            group_context text,
            feature_context text,
            action_type text,
            schema_version integer,
            occurred_at timestamptz
        )
    ) with ordinality as e (
        id, event_type, payload, metadata, group_context, feature_context, action_type, schema_version, occurred_at, ordinal
    )
    on conflict do nothing
    returning written.id, written.version::bigint, written."position", written."timestamp";

    get diagnostics _written = row_count;
    if _written <> _count then
        perform esdb._refuse_duplicate_id(array(
            select e.event ->> 'id' from jsonb_array_elements(_insert_events.events) as e (event)));
    end if;
    if idempotency_key is not null then
        perform esdb._remember_key(stream.aggregate_id, idempotency_key, _before + 1, _count);
    end if;
end
$function$;

comment on function esdb._insert_events(esdb.streams, jsonb, text, text, jsonb, text) is
    'Writes the events of a call behind the version that their stream had; one row an event, in order. Errors: SE005, SE007.';

revoke all on function esdb._insert_events(esdb.streams, jsonb, text, text, jsonb, text) from public;
