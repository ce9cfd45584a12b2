-- The appends of a call of append_to_streams(), a row each, with their place in the call (from 1). What is wrong with
-- them _check_appends() has refused.
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
set search_path = pg_catalog, pg_temp
as $function$
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
    jsonb_path_exists(a.events, '$[*].id')
from rows from (
    jsonb_to_recordset(appends) as (
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
)
$function$;

comment on function esdb._appends(jsonb) is 'The appends of a call of append_to_streams(), a row each.';

revoke all on function esdb._appends(jsonb) from public;
