-- Lists streams by aggregate_id, page by page: application → list_streams → streams, snapshots.
--
-- It walks the primary key and passes over what the filters leave out; the optional index streams gives each type and
-- each context a range of its own. The statement is planned with the filters at hand, so that the planner can tell a
-- rare type from a common one. Locks nothing. Errors: SE005, SE009.
create or replace function esdb.list_streams(
    aggregate_type text default null,
    bounded_context text default null,
    after_aggregate_id text default null,
    max_count integer default 100,
    include_deleted boolean default false
)
returns table (
    aggregate_id text,
    aggregate_type text,
    bounded_context text,
    group_context text,
    version bigint,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    snapshot_version bigint
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if include_deleted is null then
        perform esdb._invalid_argument('include_deleted', 'null', 'Pass true or false.');
    end if;
    if list_streams.bounded_context is not null then
        perform esdb._check_filters(array[list_streams.bounded_context], null, null);
    end if;
    return query execute
        'select s.aggregate_id, s.aggregate_type, s.bounded_context::text, s.group_context::text, s.version::bigint,'
        ' s.created_at, s.updated_at, s.deleted_at,'
        ' (select max(n.version)::bigint from esdb.snapshots as n where n.aggregate_id = s.aggregate_id)'
        ' from esdb.streams as s where true'
        || case when after_aggregate_id is null then '' else ' and s.aggregate_id > $1' end
        || case when list_streams.aggregate_type is null then '' else ' and s.aggregate_type = $2' end
        || case when list_streams.bounded_context is null then '' else ' and s.bounded_context = $3' end
        || case when include_deleted then '' else ' and s.deleted_at is null' end
        || ' order by s.aggregate_id limit $4'
        using after_aggregate_id, list_streams.aggregate_type, list_streams.bounded_context, max_count;
end
$function$;

comment on function esdb.list_streams(text, text, text, integer, boolean) is
    'The streams in the order of aggregate_id (byte by byte), at most max_count, after after_aggregate_id: pass the last one of a page for the next. aggregate_type and bounded_context filter; deleted streams show only with include_deleted. A filter on few of very many streams asks for the optional index streams (`esdb indexes enable streams`). Errors: SE005, SE009.';

revoke all on function esdb.list_streams(text, text, text, integer, boolean) from public;
grant execute on function esdb.list_streams(text, text, text, integer, boolean)
    to esdb_reader, esdb_writer, esdb_maintainer;
