-- Keeps a step of the maintenance to this transaction until it ends: waits for one that is at it, whereas others, which
-- ask esdb._try_step(), leave it from then on. An import keeps `seal <partition>` of what it has opened.
create or replace function esdb._lock_step(
    step text
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select pg_advisory_xact_lock((29285::bigint << 48) | (hashtextextended(step, 0) & 281474976710655))
$function$;

comment on function esdb._lock_step(text) is
    'Takes the lock of a maintenance step until the end of the transaction, and waits for it.';

revoke all on function esdb._lock_step(text) from public;
