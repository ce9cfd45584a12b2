-- What the store knows of a stream, deleted or not; no row when there is no such stream. Locks nothing.
create or replace function esdb.get_stream_info(
    inout aggregate_id text,
    out aggregate_type text,
    out bounded_context text,
    out group_context text,
    out version bigint,
    out created_at timestamptz,
    out updated_at timestamptz,
    out deleted_at timestamptz,
    out snapshot_version bigint
)
returns setof record
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    s.aggregate_id,
    s.aggregate_type,
    s.bounded_context,
    s.group_context,
    s.version,
    s.created_at,
    s.updated_at,
    s.deleted_at,
    (select max(n.version) from esdb.snapshots as n where n.aggregate_id = s.aggregate_id)
from esdb._streams as s
where s.aggregate_id = get_stream_info.aggregate_id
$function$;

comment on function esdb.get_stream_info(text) is
    'A stream''s type, contexts, version, times (deleted_at: null while it lives) and the version of its newest snapshot; no row when there is no such stream.';

revoke all on function esdb.get_stream_info(text) from public;
grant execute on function esdb.get_stream_info(text) to esdb_reader, esdb_writer, esdb_maintainer;
