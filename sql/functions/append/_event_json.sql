-- One event as append_events() takes it, for the checks and comparisons that a single append needs only rarely.
create or replace function esdb._event_json(
    event_type text,
    payload jsonb,
    id text,
    schema_version integer default 1,
    occurred_at timestamptz default null
)
returns jsonb
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    return jsonb_build_array(jsonb_build_object(
        'event_type', event_type, 'payload', payload, 'id', id, 'schema_version', schema_version,
        'occurred_at', occurred_at));
end
$function$;

comment on function esdb._event_json(text, jsonb, text, integer, timestamptz) is 'An array of one event, as append_events() takes it.';

revoke all on function esdb._event_json(text, jsonb, text, integer, timestamptz) from public;
