-- The age in seconds of the first event behind a position, 0 where none is visible yet. Locks what read_all() locks.
create or replace function esdb._seconds_behind(
    "position" bigint
)
returns double precision
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(max(extract(epoch from clock_timestamp() - e.timestamp)), 0)::double precision
from esdb.read_all(after_position => _seconds_behind.position, max_count => 1, skip_archived => true) as e
$function$;

comment on function esdb._seconds_behind(bigint) is 'The age in seconds of the first event behind a position.';

revoke all on function esdb._seconds_behind(bigint) from public;
