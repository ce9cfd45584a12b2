-- The appends of a call of append_to_streams(), a row each, with their place in the call (from 1). What is wrong with
-- them _check_appends() has refused.
--
-- One statement without a pinned search_path, so that it is inlined.
create or replace function esdb._appends(
    appends jsonb
)
returns table (
    ordinal bigint,
    aggregate_id text,
    events jsonb,
    expected_version bigint,
    bounded_context text,
    group_context text,
    feature_context text,
    action_type text,
    aggregate_type text,
    metadata jsonb,
    idempotency_key text,
    has_ids boolean
)
language sql
immutable
parallel safe
begin atomic
select
    a.ordinal,
    a.aggregate_id,
    a.events,
    a.expected_version,
    a.bounded_context,
    a.group_context,
    a.feature_context,
    a.action_type,
    a.aggregate_type,
    a.metadata,
    a.idempotency_key,
    pg_catalog.jsonb_path_exists(a.events, '$[*].id')
from rows from (
    pg_catalog.jsonb_to_recordset(_appends.appends) as (
        aggregate_id text,
        events jsonb,
        expected_version bigint,
        bounded_context text,
        group_context text,
        feature_context text,
        action_type text,
        aggregate_type text,
        metadata jsonb,
        idempotency_key text
    )
) with ordinality as a (
    aggregate_id, events, expected_version, bounded_context, group_context, feature_context, action_type,
    aggregate_type, metadata, idempotency_key, ordinal
);
end;

comment on function esdb._appends(jsonb) is 'The appends of a call of append_to_streams(), a row each.';

revoke all on function esdb._appends(jsonb) from public;
