-- Brings esdb.event_statistics up to date. Readers are never blocked; a second refresh waits for the first. Locks the
-- view against other refreshes until the transaction ends, and the unsealed leaves as esdb._count_events() does.
--
-- The time of the refresh is kept in a sequence, so that under no isolation level two refreshes get into each other's way:
-- it stays when the transaction is rolled back afterwards.
create or replace function esdb.refresh_event_statistics()
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _begun constant bigint := esdb._microseconds();
begin
    refresh materialized view concurrently esdb.event_statistics;
    perform setval('esdb.statistics_clock'::regclass, _begun);
end
$function$;

comment on function esdb.refresh_event_statistics() is
    'Brings esdb.event_statistics up to date, without blocking its readers; a second refresh waits for the first.';

revoke all on function esdb.refresh_event_statistics() from public;
grant execute on function esdb.refresh_event_statistics() to esdb_maintainer;
