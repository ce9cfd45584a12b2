-- The version of a stream's newest event, 0 when there is no such stream: what to pass as expected_version. Locks nothing.
create or replace function esdb.stream_version(
    aggregate_id text
)
returns bigint
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select coalesce((select s.version from esdb._streams as s where s.aggregate_id = stream_version.aggregate_id), 0)
$function$;

comment on function esdb.stream_version(text) is
    'The version of a stream''s newest event, 0 when there is no such stream.';

revoke all on function esdb.stream_version(text) from public;
grant execute on function esdb.stream_version(text) to esdb_reader, esdb_writer, esdb_maintainer;
