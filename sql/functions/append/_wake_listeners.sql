-- Wakes who listens on the channel esdb, unless that was done in the last 20 milliseconds, by whomever. A NOTIFY in each
-- append would make commits queue for one lock; so there is one for all the appends of 20 milliseconds. It is a hint: the
-- transaction that sends it may roll back or linger, and the events of the others may be visible later. So a consumer
-- reads again soon after it was woken, and now and then without.
--
-- A transaction that has sent one cannot be prepared, and nobody knows beforehand which one will; so where the server
-- allows prepared transactions none is sent, and consumers poll. append_event() has the same test before its call.
create or replace function esdb._wake_listeners()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if abs(
        date_part('epoch', clock_timestamp()) * 1000000
        - coalesce(pg_sequence_last_value('esdb.wake_clock'::regclass), 0)) >= 20000
    then
        perform setval('esdb.wake_clock'::regclass, esdb._microseconds());
        if current_setting('max_prepared_transactions') = '0' then
            perform pg_notify('esdb', '');
        end if;
    end if;
end
$function$;

comment on function esdb._wake_listeners() is 'Sends NOTIFY esdb when this transaction commits, once in 20 milliseconds at most.';

revoke all on function esdb._wake_listeners() from public;
