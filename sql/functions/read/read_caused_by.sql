-- Reads the events that name one event as their cause: application → read_caused_by → events. See _read_by_metadata().
-- Locks: the leaves read, shared, until the transaction ends. Errors: SE009, SE013, 55000.
create or replace function esdb.read_caused_by(
    event_id text,
    max_count integer default 1000,
    since timestamptz default null,
    until timestamptz default null
)
returns setof esdb.events
language sql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select * from esdb._read_by_metadata('causation_id', 'event_id', event_id, max_count, since, until)
$function$;

comment on function esdb.read_caused_by(text, integer, timestamptz, timestamptz) is
    'The events whose metadata names this event''s id as causation_id, of all streams, in the store''s order, at most max_count; since and until: only what was recorded from, and before, these times. It is no feed: it shows what is committed now, also beyond the high-water mark, and deleted streams too. Needs the optional index correlation (`esdb indexes enable correlation`) or since; with since alone it reads every event from then on. SE013 if archived events lie between since and until. Errors: SE009, SE013; 55000 (object_not_in_prerequisite_state) with neither.';

revoke all on function esdb.read_caused_by(text, integer, timestamptz, timestamptz) from public;
grant execute on function esdb.read_caused_by(text, integer, timestamptz, timestamptz)
    to esdb_reader, esdb_writer, esdb_maintainer;
