-- The lowest position announced by a transaction that is still open, prepared ones included; null when none is.
-- One atomic look at the lock manager: all its partitions are held together, and advisory locks never take the fast path.
create or replace function esdb._lowest_announced()
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
select min(((l.classid::bigint & 65535) << 32) | l.objid::bigint)
from pg_locks as l
where l.locktype = 'advisory'
  and l.objsubid = 1
  and (l.classid::bigint >> 16) = 29281
  and l.database = (select d.oid from pg_database as d where d.datname = current_database())
$function$;

comment on function esdb._lowest_announced() is 'The lowest position announced by an open transaction, null when none is.';

revoke all on function esdb._lowest_announced() from public;
