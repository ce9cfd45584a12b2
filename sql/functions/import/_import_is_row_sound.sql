-- Whether an imported event, read as a row, is within its bounds. time_limit: no event can be later.
--
-- One expression without a pinned search_path, so that it is inlined into the statement that stages a batch.
create or replace function esdb._import_is_row_sound(
    event_row esdb.events,
    time_limit timestamptz,
    max_payload_bytes integer
)
returns boolean
language sql
stable
parallel safe
return coalesce(
    (event_row).bounded_context is not null
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
    and (event_row).timestamp operator(pg_catalog.>=) '1970-01-01 00:00:00+00'::timestamptz
    and (event_row).timestamp operator(pg_catalog.<=) time_limit
    and (
        (event_row).occurred_at is null
        or (
            (event_row).occurred_at operator(pg_catalog.>=) '0001-01-01 00:00:00+00'::timestamptz
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

comment on function esdb._import_is_row_sound(esdb.events, timestamptz, integer) is
    'Whether an imported event, as a row, is within its bounds.';

revoke all on function esdb._import_is_row_sound(esdb.events, timestamptz, integer) from public;
