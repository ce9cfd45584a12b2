-- Appends several events to one stream, all or none: application → append_events → streams, events.
--
-- The steps, locks and errors of append_event(), for an array: one row lock, one announcement, one insert.
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
declare
    _had_xid boolean := pg_current_xact_id_if_assigned() is not null;
    _has_ids boolean;
    _stream esdb.streams;
begin
    -- one expression of cheap tests; only what fails them is looked at closely
    if (
        length(aggregate_id) <@ int4range '[1,255]'
        and coalesce(expected_version >= -1, true)
        and coalesce(length(aggregate_type) <@ int4range '[1,255]', true)
        and metadata is null
        and action_type is null
        and idempotency_key is null
    ) is not true then
        perform esdb._check_append(
            aggregate_id, expected_version, metadata, action_type, aggregate_type, idempotency_key);
    end if;
    _has_ids := esdb._check_events(events);

    _stream := esdb._advance_stream(
        aggregate_id, events, _has_ids, expected_version, bounded_context, group_context, aggregate_type,
        idempotency_key);
    if _stream.version is null then
        return query select * from esdb._first_result(esdb._lock_stream(aggregate_id), idempotency_key, events);
        return;
    end if;
    -- as in append_event(): an announcement, unless there is something else to do first
    if _had_xid
        or abs(
            date_part('epoch', clock_timestamp()) * 1000000
            - coalesce(pg_sequence_last_value('esdb.wake_clock'::regclass), 0)) >= 20000
        or pg_advisory_xact_lock_shared(
            (29281::bigint << 48) | coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)) is null
    then
        if esdb._wake_listeners() then
            perform esdb._move_head(aggregate_id);
        end if;
        perform esdb._announce(_had_xid);
    end if;
    return query
    select * from esdb._insert_events(_stream, events, feature_context, action_type, metadata, idempotency_key, _has_ids);
end
$function$;

comment on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) is
    'Appends an array of 1 to 10,000 events to one stream, all or none; one row an event, in order. An event is an object with event_type and payload, and optionally id, metadata, group_context, feature_context, action_type, schema_version, occurred_at; the call''s metadata lies under each event''s own. The other arguments and errors (SE001 to SE007, SE009, SE010, SE012) are append_event''s.';

revoke all on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) from public;
grant execute on function esdb.append_events(text, jsonb, bigint, text, text, text, text, text, jsonb, text) to esdb_writer;
