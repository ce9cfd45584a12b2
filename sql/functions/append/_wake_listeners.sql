-- Wakes who listens on the channel esdb, unless that was done in the last 20 milliseconds, by whomever. A NOTIFY in each
-- append would make commits queue for one lock; so there is one for all the appends of 20 milliseconds. It is a hint: the
-- transaction that sends it may roll back or linger, and the events of the others may be visible later. So a consumer
-- reads again soon after it was woken, and now and then without.
--
-- A transaction that has sent one cannot be prepared, and nobody knows beforehand which one will; so where the server
-- allows prepared transactions none is sent, and consumers poll. append_event() has the same test before its call.
--
-- It is also where an append looks around now and then, before it draws a position. Where the clock is not set, this is
-- the first append since the server recovered (or ever): positions may have been given out and lost, so an epoch begins.
-- The clock stays unset, and every append comes by here, until the epoch is in its table for good; so an event of the
-- epoch is never there without the epoch. Afterwards the mark is published to standbys. True tells the append that it is
-- the one of its 20 milliseconds.
create or replace function esdb._wake_listeners()
returns boolean
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
        if pg_sequence_last_value('esdb.epoch_start'::regclass) is null then
            perform esdb._begin_epoch();
        end if;
        if pg_sequence_last_value('esdb.wake_clock'::regclass) is not null or esdb._note_epoch() then
            perform setval('esdb.wake_clock'::regclass, esdb._microseconds());
            perform esdb._publish_mark();
        end if;
        if current_setting('max_prepared_transactions') = '0' then
            perform pg_notify('esdb', '');
        end if;
        return true;
    end if;
    return false;
end
$function$;

comment on function esdb._wake_listeners() is
    'Once in 20 milliseconds at most, then true: sends NOTIFY esdb when this transaction commits, publishes the mark; begins an epoch where one is due.';

revoke all on function esdb._wake_listeners() from public;
