-- Lists streams by aggregate_id, page by page: application → list_streams → streams, snapshots. See _list_streams().
-- The result's columns are those of get_stream_info(), in its order; two of them are parameters too. Locks nothing.
-- Errors: SE005, SE009.
create or replace function esdb.list_streams(
    out aggregate_id text,
    inout aggregate_type text default null,
    inout bounded_context text default null,
    out group_context text,
    out version bigint,
    out created_at timestamptz,
    out updated_at timestamptz,
    out deleted_at timestamptz,
    out snapshot_version bigint,
    after_aggregate_id text default null,
    max_count integer default 100,
    include_deleted boolean default false
)
returns setof record
language sql
stable
parallel unsafe
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
from esdb._list_streams(
    list_streams.aggregate_type, list_streams.bounded_context, after_aggregate_id, max_count, include_deleted) as s
order by s.aggregate_id
$function$;

comment on function esdb.list_streams(text, text, text, integer, boolean) is
    'The streams in the order of aggregate_id (byte by byte), at most max_count, after after_aggregate_id: pass the last one of a page for the next. aggregate_type and bounded_context filter; deleted streams show only with include_deleted. A filter on few of very many streams asks for the optional index streams (`esdb indexes enable streams`). Errors: SE005, SE009.';

revoke all on function esdb.list_streams(text, text, text, integer, boolean) from public;
grant execute on function esdb.list_streams(text, text, text, integer, boolean)
    to esdb_reader, esdb_writer, esdb_maintainer;
