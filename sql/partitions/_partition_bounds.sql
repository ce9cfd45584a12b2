-- The bounds of a range partition, null for none. The catalog shows them as text in the session's style and zone, which
-- are pinned here so that they are read as they were written. Locks nothing: given the partition, pg_get_expr() would
-- wait for whoever has locked it, but a bound has no columns that it need look up.
create or replace function esdb._partition_bounds(
    partition oid,
    out lower_bound timestamptz,
    out upper_bound timestamptz
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
as $function$
select
    nullif(b.bounds[1], 'MINVALUE')::timestamptz,
    nullif(b.bounds[2], 'MAXVALUE')::timestamptz
from pg_class as c
cross join lateral (
    select regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(]''?(.*?)''?[)] TO [(]''?(.*?)''?[)]$') as bounds
) as b
where c.oid = partition
$function$;

comment on function esdb._partition_bounds(oid) is 'The bounds of a range partition; null: unbounded.';

revoke all on function esdb._partition_bounds(oid) from public;
-- the view esdb.partitions calls it as its reader
grant execute on function esdb._partition_bounds(oid) to esdb_reader, esdb_writer, esdb_maintainer;
