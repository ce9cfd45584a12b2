-- Whether an imported line is an event in itself: the columns of esdb.events and no other key, each of its JSON type and
-- within its bounds. `row` is the line read as a row of esdb.events, which fails for what is no such value at all.
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
    and (event_row).bounded_context is not null
    and (event_row).group_context is not null
    and (event_row).feature_context is not null
    and (event_row).position operator(pg_catalog.>) 0
    and (event_row).version operator(pg_catalog.>) 0
    and (event_row).schema_version operator(pg_catalog.>) 0
    and pg_catalog.length((event_row).id) between 1 and 64
    and pg_catalog.length((event_row).action_type) between 1 and 10
    and pg_catalog.length((event_row).aggregate_type) between 1 and 255
    and pg_catalog.length((event_row).aggregate_id) between 1 and 255
    and pg_catalog.length((event_row).event_type) between 1 and 255
    and pg_catalog.length((event_row).recorded_by) between 1 and 255
    and event operator(pg_catalog.->>) 'timestamp' like '____-__-__%'
    and (event_row).timestamp operator(pg_catalog.>=) '1970-01-01 00:00:00+00'::timestamptz
    and (event_row).timestamp operator(pg_catalog.<=) time_limit
    and (
        (event_row).occurred_at is null
        or (
            event operator(pg_catalog.->>) 'occurred_at' like '____-__-__%'
            and (event_row).occurred_at operator(pg_catalog.>=) '0001-01-01 00:00:00+00'::timestamptz
            and (event_row).occurred_at operator(pg_catalog.<) '10000-01-01 00:00:00+00'::timestamptz
        )
    )
    and pg_catalog.jsonb_typeof((event_row).payload) operator(pg_catalog.=) 'object'
    and ((event_row).metadata is null or pg_catalog.jsonb_typeof((event_row).metadata) operator(pg_catalog.=) 'object')
    and pg_catalog.octet_length((event_row).payload::text) operator(pg_catalog.<=) max_payload_bytes
    and (
        (event_row).metadata is null
        or pg_catalog.octet_length((event_row).metadata::text) operator(pg_catalog.<=) max_payload_bytes
    ),
    false
);

comment on function esdb._import_is_sound(jsonb, esdb.events, timestamptz, integer) is
    'Whether an imported line, as JSON and as a row, is an event in itself.';

revoke all on function esdb._import_is_sound(jsonb, esdb.events, timestamptz, integer) from public;
