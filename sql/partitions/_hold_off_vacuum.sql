-- Keeps VACUUM and ANALYZE off a leaf until the transaction ends, in SHARE UPDATE EXCLUSIVE, which neither reads nor
-- appends wait for. So this wait may be longer than that of the DDL which follows: an autovacuum gives way to a lock, but
-- only to who has waited for deadlock_timeout (1 s), and half a second of lock_timeout would never see it go.
create or replace function esdb._hold_off_vacuum(
    leaf text
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
begin
    execute format('lock table only esdb.%I in share update exclusive mode', leaf);
end
$function$;

comment on function esdb._hold_off_vacuum(text) is
    'Locks a leaf against VACUUM until the transaction ends; waits for one that runs, which autovacuum lets go.';

revoke all on function esdb._hold_off_vacuum(text) from public;
