-- Whether all staged events are events in themselves: for a batch whose lines came by COPY into esdb_import_events, split
-- by who reads the file. What it denies is staged once more, line by line, by _import_stage(). Locks nothing.
create or replace function esdb._import_are_sound()
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- as in _import_stage()
    _time_limit constant timestamptz := clock_timestamp() + interval '1 day';
    _max_payload_bytes constant integer := esdb._setting('max_payload_bytes')::integer;
begin
    return not exists (
        select
        from pg_temp.esdb_import_events as e
        where not esdb._import_is_row_sound(
            row(e.position, e.id, e.bounded_context, e.group_context, e.feature_context, e.action_type, e.aggregate_type,
                e.aggregate_id, e.event_type, e.schema_version, e.version, e.timestamp, e.occurred_at, e.payload,
                e.metadata, e.recorded_by)::esdb.events,
            _time_limit, _max_payload_bytes)
    );
end
$function$;

comment on function esdb._import_are_sound() is 'Whether all staged events of an import are events in themselves.';

revoke all on function esdb._import_are_sound() from public;
