-- Announces to the feed that this transaction is about to draw positions: every one it draws afterwards is higher than
-- the position it locks (shared) until it ends. high_water_mark() stays below the lowest position announced.
--
-- pg_sequence_last_value() and never the sequence's own column: nextval() puts a value 32 ahead into the page while it
-- logs, and a plain select can see it; an announcement too high would make the feed skip.
create or replace function esdb._announce(
    had_xid boolean
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _key bigint := coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0);
begin
    if had_xid then
        _key := esdb._announced_before(_key);
    end if;
    perform pg_advisory_xact_lock_shared((29281::bigint << 48) | _key);
end
$function$;

comment on function esdb._announce(boolean) is
    'Takes the announcement that nextval() must follow; had_xid: whether the transaction had written before this call.';

revoke all on function esdb._announce(boolean) from public;
