-- The lowest position announced by a transaction that is still open, prepared ones included; null when none is. With it
-- the number of all locks of the cluster, which is what the look costs: half a microsecond each.
-- One atomic look at the lock manager: all its partitions are held together, and advisory locks never take the fast path.
-- Not a function in SQL: that would be planned at each call, which costs more than the look.
create or replace function esdb._lowest_announced(
    out lowest_position bigint,
    out lock_count bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    select
        min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) filter (
            where l.locktype = 'advisory'
                and l.objsubid = 1
                and (l.classid::bigint >> 16) = 29281
                and l.database = (select d.oid from pg_database as d where d.datname = current_database())),
        count(*)
    into lowest_position, lock_count
    from pg_locks as l;
end
$function$;

comment on function esdb._lowest_announced() is 'The lowest position announced by an open transaction, null when none is, and the number of locks looked at.';

revoke all on function esdb._lowest_announced() from public;
