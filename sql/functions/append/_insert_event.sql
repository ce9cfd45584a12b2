-- Writes an event whose id is the caller's, for append_event(), and refuses an id that another event of its leaf has. An
-- insert that looks for conflicts costs a tenth of an append more, so an event without an id of its caller's goes without.
-- Locks nothing more. Errors: SE007.
create or replace function esdb._insert_event(
    "position" bigint,
    id text,
    bounded_context text,
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
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
begin
    insert into esdb.events
    values (
        "position", id, bounded_context, group_context, coalesce(feature_context, case version when 1 then 'c' else 'u' end),
        coalesce(action_type, case version when 1 then 'create' else 'update' end), aggregate_type, aggregate_id, event_type,
        coalesce(schema_version, 1), version, "timestamp", occurred_at, payload, metadata)
    on conflict do nothing;
    if not found then
        perform esdb._refuse_duplicate_id(aggregate_id, version - 1, array[id]);
    end if;
end
$function$;

comment on function esdb._insert_event(
    bigint, text, text, text, text, text, text, text, text, integer, bigint, timestamptz, timestamptz, jsonb, jsonb
) is
    'Writes an event with its caller''s id. Errors: SE007.';

revoke all on function esdb._insert_event(
    bigint, text, text, text, text, text, text, text, text, integer, bigint, timestamptz, timestamptz, jsonb, jsonb
) from public;
