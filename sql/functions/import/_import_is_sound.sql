-- Whether an imported line is an event in itself: the columns of esdb.events and no other key, each of its JSON type and
-- within its bounds. event_row is the line read as a row of esdb.events, which fails for what is no such value at all.
-- time_limit: no event can be later. What it denies, _import_fault() explains.
--
-- One expression without a pinned search_path, so that it is inlined into the statement that stages a batch.
create or replace function esdb._import_is_sound(
    event jsonb,
    event_row esdb.events,
    time_limit timestamptz,
    max_payload_bytes integer
)
returns boolean
language sql
stable
parallel safe
return coalesce(
    event operator(pg_catalog.?&) array[
        'position', 'id', 'bounded_context', 'group_context', 'feature_context', 'action_type', 'aggregate_type',
        'aggregate_id', 'event_type', 'schema_version', 'version', 'timestamp', 'occurred_at', 'payload', 'metadata',
        'recorded_by']
    and event operator(pg_catalog.-) array[
        'position', 'id', 'bounded_context', 'group_context', 'feature_context', 'action_type', 'aggregate_type',
        'aggregate_id', 'event_type', 'schema_version', 'version', 'timestamp', 'occurred_at', 'payload', 'metadata',
        'recorded_by'] operator(pg_catalog.=) '{}'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'position') operator(pg_catalog.=) 'number'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'schema_version') operator(pg_catalog.=) 'number'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'version') operator(pg_catalog.=) 'number'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'id') operator(pg_catalog.=) 'string'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'action_type') operator(pg_catalog.=) 'string'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'aggregate_type') operator(pg_catalog.=) 'string'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'aggregate_id') operator(pg_catalog.=) 'string'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'event_type') operator(pg_catalog.=) 'string'
    and pg_catalog.jsonb_typeof(event operator(pg_catalog.->) 'recorded_by') operator(pg_catalog.=) 'string'
    and event operator(pg_catalog.->>) 'timestamp' like '____-__-__%'
    and ((event_row).occurred_at is null or event operator(pg_catalog.->>) 'occurred_at' like '____-__-__%')
    and esdb._import_is_row_sound(event_row, time_limit, max_payload_bytes),
    false
);

comment on function esdb._import_is_sound(jsonb, esdb.events, timestamptz, integer) is
    'Whether an imported line, as JSON and as a row, is an event in itself.';

revoke all on function esdb._import_is_sound(jsonb, esdb.events, timestamptz, integer) from public;
