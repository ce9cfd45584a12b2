-- Writes the streams that begin in the staged batch, then all its events, at the positions drawn. Streams that go on
-- have their rows moved by _import_continue().
-- The rows go in as they were staged, context by context where that was split by who reads the file, which spares a fifth:
-- the indexes stay in the cache.
-- Errors: 40001 for a stream that somebody made just now; 23514, SE012, unique_violation.
create or replace function esdb._import_write(
    out event_count bigint,
    out min_position bigint,
    out max_position bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _new bigint := (select count(*) from pg_temp.esdb_import_heads as h where h.version_before = 0);
    _made bigint;
    _newest timestamptz := (select max(h.updated_at) from pg_temp.esdb_import_heads as h);
begin
    insert into esdb.streams
        (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at,
         deleted_at)
    select h.aggregate_id, h.aggregate_type, h.bounded_context, h.group_context, h.version, coalesce(h.month_version, 1),
        h.created_at, h.updated_at, h.deleted_at
    from pg_temp.esdb_import_heads as h
    where h.version_before = 0
    order by h.aggregate_id
    on conflict do nothing;
    get diagnostics _made = row_count;
    if _made <> _new then
        raise exception 'a stream of the import was made by somebody else just now'
            using errcode = 'serialization_failure',
                  detail = format('%s of %s new streams exist', _new - _made, _new),
                  hint = 'Try again.';
    end if;
    if _newest >= esdb._newest_month_end() then
        perform esdb._raise_newest_month(_newest);
    end if;
    insert into esdb.events
        (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
         event_type, schema_version, version, timestamp, occurred_at, payload, metadata, recorded_by)
    select p.position, e.id, e.bounded_context, e.group_context, e.feature_context, e.action_type, e.aggregate_type,
        e.aggregate_id, e.event_type, e.schema_version, e.version, e.timestamp, e.occurred_at, e.payload, e.metadata,
        e.recorded_by
    from pg_temp.esdb_import_events as e
    join pg_temp.esdb_import_positions as p on p.number = e.number;
    select count(*), min(p.position), max(p.position) into event_count, min_position, max_position
    from pg_temp.esdb_import_positions as p;
end
$function$;

comment on function esdb._import_write() is 'Writes the new streams and all events of the staged batch of an import.';

revoke all on function esdb._import_write() from public;
