-- The events of a call as rows of esdb.events, but for their positions and recorded_by. id_prefix: the first 20 characters
-- of the ids of those that come without one; they share a ULID's time and 50 random bits and count up behind them, so
-- they sort as they stand.
--
-- One expression without a pinned search_path, so that it is inlined into the statement that inserts.
create or replace function esdb._event_rows(
    stream esdb.streams,
    events jsonb,
    feature_context text,
    action_type text,
    metadata jsonb,
    id_prefix text
)
returns table (
    id text,
    bounded_context esdb.bounded_context_code,
    group_context text,
    feature_context text,
    action_type text,
    aggregate_type text,
    aggregate_id text,
    event_type text,
    schema_version integer,
    version bigint,
    "timestamp" timestamptz,
    occurred_at timestamptz,
    payload jsonb,
    metadata jsonb
)
language sql
stable
parallel safe
begin atomic
select
    coalesce(e.id, _event_rows.id_prefix || (100000 + e.ordinal)::text),
    (_event_rows.stream).bounded_context,
    coalesce(e.group_context, (_event_rows.stream).group_context),
    coalesce(e.feature_context, _event_rows.feature_context, case v.version when 1 then 'c' else 'u' end),
    coalesce(
        e.action_type,
        _event_rows.action_type,
        case
            when e.feature_context is not null then esdb._action_of_feature(e.feature_context)
            -- a query of its own is run once, not once an event
            when _event_rows.feature_context is not null then
                (select esdb._action_of_feature(_event_rows.feature_context))
            when v.version = 1 then 'create'
            else 'update'
        end),
    (_event_rows.stream).aggregate_type,
    (_event_rows.stream).aggregate_id,
    e.event_type,
    coalesce(e.schema_version, 1),
    v.version,
    (_event_rows.stream).updated_at,
    e.occurred_at,
    e.payload,
    case
        when _event_rows.metadata is null then e.metadata
        else _event_rows.metadata || coalesce(e.metadata, '{}')
    end
from rows from (
    pg_catalog.jsonb_to_recordset(_event_rows.events) as (
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
cross join lateral (
    select (_event_rows.stream).version - pg_catalog.jsonb_array_length(_event_rows.events) + e.ordinal as version
) as v;
end;

comment on function esdb._event_rows(esdb.streams, jsonb, text, text, jsonb, text) is
    'The events of a call as rows of esdb.events without position and recorded_by, in order.';

revoke all on function esdb._event_rows(esdb.streams, jsonb, text, text, jsonb, text) from public;
