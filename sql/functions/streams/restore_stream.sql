-- Restores a deleted stream: appends StreamRestored, and appends, snapshots and reads find the stream again.
--
-- Locks what append_event() locks. Errors: SE003, SE009 (also for a stream that is not deleted), SE012.
create or replace function esdb.restore_stream(
    aggregate_id text,
    metadata jsonb default null
)
returns esdb.append_result
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    -- the row lock comes first, so of two restores at once the second sees a stream that is not deleted
    update esdb.streams as s
    set deleted_at = null
    where s.aggregate_id = restore_stream.aggregate_id
      and s.deleted_at is not null;
    if not found then
        perform esdb._check_append(aggregate_id, null, metadata, null, null, null);
        if esdb.stream_version(aggregate_id) = 0 then
            perform esdb._refuse_missing_stream(aggregate_id);
        end if;
        perform esdb._invalid_argument('aggregate_id', format('stream %s is not deleted', aggregate_id), 'There is nothing to restore.');
    end if;
    return esdb.append_event(
        aggregate_id, 'StreamRestored', '{}', -1, feature_context => 'u', action_type => 'restore', metadata => metadata);
end
$function$;

comment on function esdb.restore_stream(text, jsonb) is
    'Restores a deleted stream by appending StreamRestored (feature u, action restore) and returns that event''s id, version, position and timestamp. Errors: SE003, SE009 (also for a stream that is not deleted), SE012.';

revoke all on function esdb.restore_stream(text, jsonb) from public;
grant execute on function esdb.restore_stream(text, jsonb) to esdb_writer;
