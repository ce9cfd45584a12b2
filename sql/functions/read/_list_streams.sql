-- A page of streams, by aggregate_id. It walks the primary key, or reads the table, and passes over what the filters
-- leave out; the optional index streams gives each type and each context a range of its own. The statement is planned
-- with the filters at hand, so that the planner can tell a rare type from a common one. Locks nothing. Errors: SE005, SE009.
create or replace function esdb._list_streams(
    aggregate_type text,
    bounded_context text,
    after_aggregate_id text,
    max_count integer,
    include_deleted boolean
)
returns setof esdb.streams
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (max_count >= 1) is not true then
        perform esdb._invalid_argument('max_count', coalesce(max_count::text, 'null'), 'Pass a number from 1 on.');
    end if;
    if include_deleted is null then
        perform esdb._invalid_argument('include_deleted', 'null', 'Pass true or false.');
    end if;
    if bounded_context is not null then
        perform esdb._check_filters(array[bounded_context], null, null);
    end if;
    return query execute
        'select s.* from esdb._streams as s where true'
        || case when after_aggregate_id is null then '' else ' and s.aggregate_id > $1' end
        || case when aggregate_type is null then '' else ' and s.aggregate_type = $2' end
        || case when bounded_context is null then '' else ' and s.bounded_context = $3' end
        || case when include_deleted then '' else ' and s.deleted_at is null' end
        || ' order by s.aggregate_id limit $4'
        using after_aggregate_id, aggregate_type, bounded_context, max_count;
end
$function$;

comment on function esdb._list_streams(text, text, text, integer, boolean) is 'A page of streams, for list_streams().';

revoke all on function esdb._list_streams(text, text, text, integer, boolean) from public;
