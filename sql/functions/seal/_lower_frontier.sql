-- Tells the readers that an unsealed partition begins at lower_bound. The templates that make a partition call it in the
-- same transaction, under esdb._lock_maintenance().
create or replace function esdb._lower_frontier(
    lower_bound timestamptz
)
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
update esdb.seal_frontier as f
set month = lower_bound
where f.month > lower_bound
$function$;

comment on function esdb._lower_frontier(timestamptz) is 'Lowers esdb.seal_frontier to the start of an unsealed partition.';

revoke all on function esdb._lower_frontier(timestamptz) from public;
