-- The events of a stretch of positions as lines, as `esdb export` writes them: each event's row as one JSON object, the
-- columns in the table's order, times in UTC. These are the lines of esdb_meta.digest_events() and of archives. A page is
-- what read_all() gives of the stretch, max_count events at most and no more bytes than max_bytes and an event; since and
-- until (excluded) leave out of the page what is of another time. last_position and page_count are the page's, line_count
-- what of it the lines hold. has_more: there may be more behind it. is_cut: because of max_bytes.
--
-- The lines are bytes, which spares the client to decode and encode them. Locks what read_all() locks. Errors: those of read_all().
create or replace function esdb._export_page(
    after_position bigint,
    up_to_position bigint,
    max_count integer,
    max_bytes integer,
    bounded_contexts text[] default null,
    event_types text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    skip_archived boolean default false,
    out lines bytea,
    out line_count bigint,
    out last_position bigint,
    out page_count bigint,
    out has_more boolean,
    out is_cut boolean
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set work_mem = '32MB'
as $function$
-- read_all() gives the events in order, and neither the window nor the aggregate is told to sort them once more: to carry
-- the lines through two sorts takes a third of the time
select
    convert_to(string_agg(p.line, chr(10)) filter (where p.is_kept), 'UTF8'),
    count(p.line) filter (where p.is_kept),
    max(p.position) filter (where p.is_kept),
    count(*) filter (where p.is_kept),
    count(*) >= max_count or not coalesce(bool_and(p.is_kept), true),
    not coalesce(bool_and(p.is_kept), true)
from (
    select
        o.position,
        o.line,
        coalesce(sum(octet_length(o.line)) over (rows between unbounded preceding and 1 preceding), 0) < max_bytes as is_kept
    from (
        select
            e.position,
            case
                when coalesce(e.timestamp >= since, true) and coalesce(e.timestamp < until, true) then row_to_json(e)::text
            end as line
        from esdb.read_all(
            after_position => after_position,
            max_count => max_count,
            bounded_contexts => bounded_contexts,
            event_types => event_types,
            up_to_position => up_to_position,
            skip_archived => skip_archived
        ) as e
        offset 0
    ) as o
) as p
$function$;

comment on function esdb._export_page(bigint, bigint, integer, integer, text[], text[], timestamptz, timestamptz, boolean) is
    'A page of events as lines of JSON, for esdb export. Errors: those of read_all().';

revoke all on function esdb._export_page(bigint, bigint, integer, integer, text[], text[], timestamptz, timestamptz, boolean) from public;
grant execute on function esdb._export_page(bigint, bigint, integer, integer, text[], text[], timestamptz, timestamptz, boolean)
    to esdb_reader, esdb_writer, esdb_maintainer;
