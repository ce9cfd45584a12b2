-- Whether one event of an append has the usual keys alone, each faultless, and is no larger than most_bytes as text: all,
-- as a rule. What it denies, _check_event() looks at closely; so it does what is so large as jsonb that its text could be
-- too large to be made. Null for null.
--
-- One expression without a pinned search_path, so that it is inlined into the statements that check events.
create or replace function esdb._is_plain_event(
    event jsonb,
    most_bytes integer default 2000
)
returns boolean
language sql
stable
parallel safe
return pg_catalog.jsonb_typeof(event) = 'object'
    and event - array['event_type', 'payload', 'id', 'metadata'] = '{}'
    and pg_catalog.jsonb_typeof(event -> 'event_type') = 'string'
    and pg_catalog.length(event ->> 'event_type') <@ pg_catalog.int4range '[1,255]'
    and pg_catalog.jsonb_typeof(event -> 'payload') = 'object'
    and pg_catalog.pg_column_size(event) <= least(most_bytes, 16000)
    -- one number can have 131,072 digits there
    and pg_catalog.octet_length(event::text) <= most_bytes
    and coalesce(pg_catalog.jsonb_typeof(event -> 'metadata') = 'object', true)
    and coalesce(
        pg_catalog.jsonb_typeof(event -> 'id') = 'string' and pg_catalog.length(event ->> 'id') <@ pg_catalog.int4range '[1,64]', true);

comment on function esdb._is_plain_event(jsonb, integer) is
    'Whether an event has the usual keys alone, each faultless, and is no larger than most_bytes.';

revoke all on function esdb._is_plain_event(jsonb, integer) from public;
