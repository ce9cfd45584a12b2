-- Deletes a stream: appends StreamDeleted as its last event and hides it from reads of streams; nothing is removed,
-- and the feed goes on showing every event. restore_stream() brings it back.
--
-- Locks what append_event() locks. Errors: SE001, SE002 (deleted already), SE003, SE009, SE012.
create or replace function esdb.delete_stream(
    aggregate_id text,
    expected_version bigint default null,
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
declare
    _result esdb.append_result;
begin
    if esdb.stream_version(aggregate_id) = 0 then
        perform esdb._check_append(aggregate_id, expected_version, metadata, null, null, null);
        perform esdb._refuse_missing_stream(aggregate_id);
    end if;
    -- 0, "no stream yet", would start one; no stream that exists fits it
    if expected_version = 0 then
        perform esdb._refuse_append(aggregate_id, 0, null, null);
    end if;
    _result := esdb.append_event(
        aggregate_id, 'StreamDeleted', '{}', coalesce(expected_version, -1), feature_context => 'd', metadata => metadata);
    update esdb.streams as s
    set deleted_at = _result.timestamp
    where s.aggregate_id = delete_stream.aggregate_id;
    return _result;
end
$function$;

comment on function esdb.delete_stream(text, bigint, jsonb) is
    'Deletes a stream by appending StreamDeleted (feature d, action delete) and returns that event''s id, version, position and timestamp. From then on appends and snapshots are SE002, and the stream shows only where include_deleted is given; read_all() always shows its events. Errors: SE001, SE002 (deleted already), SE003, SE009, SE012.';

revoke all on function esdb.delete_stream(text, bigint, jsonb) from public;
grant execute on function esdb.delete_stream(text, bigint, jsonb) to esdb_writer;
