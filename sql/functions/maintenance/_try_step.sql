-- Whether a step of the maintenance may run: false while another transaction is at it. Takes a lock on the step's name
-- until the transaction ends, and waits for nobody. A transaction's lock, not a session's: it cannot leak through a
-- transaction pooler.
create or replace function esdb._try_step(
    step text
)
returns boolean
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select pg_try_advisory_xact_lock((29285::bigint << 48) | (hashtextextended(step, 0) & 281474976710655))
$function$;

comment on function esdb._try_step(text) is
    'Takes the lock of a maintenance step until the end of the transaction; false: another run is at it.';

revoke all on function esdb._try_step(text) from public;
grant execute on function esdb._try_step(text) to esdb_maintainer;
