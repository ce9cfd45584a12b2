-- Appends several events to one stream, all or none: application → append_events → streams, events.
--
-- The steps, locks and errors of append_event(), for an array: one row lock, one announcement, one insert. Events
-- without an id share a ULID's time and 50 random bits and count up behind them, so their ids sort as they stand.
create or replace function esdb.append_events(
    aggregate_id text,
    events jsonb,
    expected_version bigint default null,
    bounded_context text default null,
    group_context text default null,
    feature_context text default null,
    action_type text default null,
    aggregate_type text default null,
    metadata jsonb default null,
    idempotency_key text default null
)
returns setof esdb.append_result
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _had_xid boolean := pg_current_xact_id_if_assigned() is not null;
    _has_ids boolean;
    _count integer;
    _milliseconds bigint := floor(date_part('epoch', clock_timestamp()) * 1000)::bigint;
    _random bytea := uuid_send(gen_random_uuid());
    _prefix text := left(esdb._ulid_text(_milliseconds, _random), 20);
    _stream esdb.streams;
    _before bigint;
    _action text;
    _written integer;
begin
    perform esdb._check_append(
        append_events.aggregate_id, append_events.expected_version, append_events.metadata, append_events.action_type,
        append_events.aggregate_type, append_events.idempotency_key);
    _has_ids := esdb._check_events(append_events.events);
    _count := jsonb_array_length(append_events.events);

    if append_events.idempotency_key is not null
        or (_has_ids and coalesce(append_events.expected_version, -1) = -1)
    then
        return query
        select * from esdb._first_result(append_events.aggregate_id, append_events.idempotency_key, append_events.events);
        if found then
            return;
        end if;
    end if;

    loop
        _stream := esdb._advance_stream(
            append_events.aggregate_id, _count, append_events.expected_version, append_events.aggregate_type,
            append_events.bounded_context, append_events.group_context);
        exit when _stream.version is not null;
        if _has_ids then
            return query
            select * from esdb._first_result(append_events.aggregate_id, null, append_events.events);
            if found then
                return;
            end if;
        end if;
        perform esdb._refuse_append(
            append_events.aggregate_id, append_events.expected_version, append_events.aggregate_type,
            append_events.bounded_context);
    end loop;
    _before := _stream.version - _count;
    if append_events.group_context <> _stream.group_context then
        _stream.group_context := esdb._known_group(append_events.group_context);
    end if;
    if append_events.feature_context is not null then
        _action := esdb._action_of_feature(append_events.feature_context);
    end if;

    perform esdb._announce(_had_xid);

    return query
    insert into esdb.events as written
        (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
         event_type, schema_version, version, timestamp, occurred_at, payload, metadata)
    select
        nextval('esdb.event_position'::regclass),
        coalesce(e.id, _prefix || (100000 + e.ordinal)::text),
        _stream.bounded_context,
        coalesce(e.group_context, _stream.group_context),
        coalesce(e.feature_context, append_events.feature_context, case when _before + e.ordinal = 1 then 'c' else 'u' end),
        coalesce(
            e.action_type, append_events.action_type,
            case
                when e.feature_context is not null then esdb._action_of_feature(e.feature_context)
                when _action is not null then _action
                when _before + e.ordinal = 1 then 'create'
                else 'update'
            end),
        _stream.aggregate_type,
        append_events.aggregate_id,
        e.event_type,
        coalesce(e.schema_version, 1),
        _before + e.ordinal,
        _stream.updated_at,
        e.occurred_at,
        e.payload,
        case when append_events.metadata is null then e.metadata else append_events.metadata || coalesce(e.metadata, '{}') end
    from rows from (
        jsonb_to_recordset(append_events.events) as (
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
            select e.event ->> 'id' from jsonb_array_elements(append_events.events) as e (event)));
    end if;
    if append_events.idempotency_key is not null then
        perform esdb._remember_key(
            append_events.aggregate_id, append_events.idempotency_key, _before + 1, _count);
    end if;
end
$function$;

comment on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) is
    'Appends an array of 1 to 10,000 events to one stream, all or none; one row an event, in order. An event is an object with event_type and payload, and optionally id, metadata, group_context, feature_context, action_type, schema_version, occurred_at; the call''s metadata lies under each event''s own. The other arguments and errors are append_event''s.';

revoke all on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) from public;
grant execute on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) to esdb_writer;
