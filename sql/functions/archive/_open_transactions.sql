-- The transactions of this database, but this one, that are open: their virtual ids; of those given, or of all. Who read
-- before a partition's reads were refused is among them. Locks nothing.
create or replace function esdb._open_transactions(
    among text[] default null
)
returns text[]
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select coalesce(array_agg(held.virtualtransaction order by held.virtualtransaction), '{}')
from pg_locks as held
join pg_stat_activity as session on session.pid = held.pid
join pg_database as here on here.oid = session.datid
where held.locktype = 'virtualxid'
    and here.datname = current_database()
    and held.pid <> pg_backend_pid()
    and coalesce(held.virtualtransaction = any (among), true)
$function$;

comment on function esdb._open_transactions(text[]) is
    'The virtual ids of the open transactions of this database, but one''s own; of those given, or of all.';

revoke all on function esdb._open_transactions(text[]) from public;
