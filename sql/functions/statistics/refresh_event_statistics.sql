-- Brings esdb.event_statistics up to date, and notes when in esdb.statistics_clock. Readers are never blocked.
--
-- A second refresh waits for the first, and looks at the store only then: so the view never goes back to what an earlier
-- one saw. Under REPEATABLE READ it has looked before it waited, and has to be called again.
-- Locks a step of the view's name (not that of `esdb maintain`) and the view against other refreshes until the transaction
-- ends, and the unsealed leaves as esdb._count_events() does. Errors: 40001.
create or replace function esdb.refresh_event_statistics()
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    _begun bigint;
begin
    perform esdb._lock_step('event_statistics');
    _begun := esdb._microseconds();
    begin
        refresh materialized view concurrently esdb.event_statistics;
    exception
        -- the rows of a refresh that the transaction's snapshot does not see
        when unique_violation then
            raise exception 'another refresh was faster'
                using errcode = '40001',
                      detail = 'It ended after the snapshot of this transaction was taken.',
                      hint = 'Call it again in a new transaction, or under READ COMMITTED.';
    end;
    perform setval('esdb.statistics_clock'::regclass, _begun);
end
$function$;

comment on function esdb.refresh_event_statistics() is
    'Brings esdb.event_statistics up to date, without blocking its readers; a second refresh waits for the first. Errors: 40001 under REPEATABLE READ, when another one was faster.';

revoke all on function esdb.refresh_event_statistics() from public;
grant execute on function esdb.refresh_event_statistics() to esdb_maintainer;
