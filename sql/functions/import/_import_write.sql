-- Writes the staged events, at the positions drawn for them: for a batch that is staged whole. The events of any other
-- come by COPY from who has split its lines.
-- The rows go in as they were staged, context by context where that was split by who reads the file, which spares a fifth:
-- the indexes stay in the cache. positions: in the order of the lines.
-- Errors: 23514, SE012, unique_violation.
create or replace function esdb._import_write(
    positions bigint[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into esdb.events
        (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
         event_type, schema_version, version, timestamp, occurred_at, payload, metadata, recorded_by)
    select p.position, e.id, e.bounded_context, e.group_context, e.feature_context, e.action_type, e.aggregate_type,
        e.aggregate_id, e.event_type, e.schema_version, e.version, e.timestamp, e.occurred_at, e.payload, e.metadata,
        e.recorded_by
    from pg_temp.esdb_import_events as e
    join (
        select o.number, row_number() over (order by o.number) as place
        from pg_temp.esdb_import_events as o
    ) as l on l.number = e.number
    join unnest(positions) with ordinality as p (position, place) on p.place = l.place;
end
$function$;

comment on function esdb._import_write(bigint[]) is 'Writes all events of the staged batch of an import.';

revoke all on function esdb._import_write(bigint[]) from public;
