-- Lets one maintenance run after the other change the partitions, until the end of the transaction; waits no longer
-- than lock_timeout. A transaction's lock, not a session's: it cannot leak through a transaction pooler.
create or replace function esdb._lock_maintenance()
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select pg_advisory_xact_lock(29282::bigint << 48)
$function$;

comment on function esdb._lock_maintenance() is 'Takes the maintenance lock until the end of the transaction.';

revoke all on function esdb._lock_maintenance() from public;
