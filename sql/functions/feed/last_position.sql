-- The last position drawn. Events up to it are visible, or come, or were given up: a consumer whose cursor is there has
-- nothing to wait for, and one whose page ended before it looks again soon. Locks nothing.
create or replace function esdb.last_position()
returns bigint
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)
$function$;

comment on function esdb.last_position() is
    'The last position drawn, 0 in a new store: no event has a higher one. Where the high-water mark is below it, appends are under way, and a consumer looks again soon. It may belong to no event. Errors: none.';

revoke all on function esdb.last_position() from public;
grant execute on function esdb.last_position() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
