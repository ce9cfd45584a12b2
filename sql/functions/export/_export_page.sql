-- The events of a stretch of positions as lines, as `esdb export` writes them: each event's row as one JSON object, the
-- columns in the table's order, times in UTC. These are the lines of esdb_meta.digest_events() and of archives. A page is
-- what read_all() gives of the stretch, max_count events at most; since and until (excluded) leave out of the page what
-- is of another time. last_position and page_count are the page's, line_count what of it the lines hold.
--
-- Locks what read_all() locks. Errors: those of read_all().
create or replace function esdb._export_page(
    after_position bigint,
    up_to_position bigint,
    max_count integer,
    bounded_contexts text[] default null,
    event_types text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    skip_archived boolean default false,
    out lines text,
    out line_count bigint,
    out last_position bigint,
    out page_count bigint
)
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
select
    string_agg(row_to_json(e)::text, chr(10) order by e.position) filter (where t.is_wanted),
    count(*) filter (where t.is_wanted),
    max(e.position),
    count(*)
from esdb.read_all(
    after_position => after_position,
    max_count => max_count,
    bounded_contexts => bounded_contexts,
    event_types => event_types,
    up_to_position => up_to_position,
    skip_archived => skip_archived
) as e
cross join lateral (
    select coalesce(e.timestamp >= since, true) and coalesce(e.timestamp < until, true) as is_wanted
) as t
$function$;

comment on function esdb._export_page(bigint, bigint, integer, text[], text[], timestamptz, timestamptz, boolean) is
    'A page of events as lines of JSON, for esdb export. Errors: those of read_all().';

revoke all on function esdb._export_page(bigint, bigint, integer, text[], text[], timestamptz, timestamptz, boolean) from public;
grant execute on function esdb._export_page(bigint, bigint, integer, text[], text[], timestamptz, timestamptz, boolean)
    to esdb_reader, esdb_writer, esdb_maintainer;
