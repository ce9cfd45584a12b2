-- Whether esdb.seal_frontier stands at an older month than it could: a run that seals moves it from time to time, and one
-- that was killed may have left it behind. That is no fault, readers look at more partitions than they need. Reads the
-- catalog alone, locks nothing.
create or replace function esdb._frontier_lags()
returns boolean
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select exists (select from esdb.seals) and exists (
    select
    from esdb.seal_frontier as f
    where f.month < (
        select min(p.lower_bound)
        from esdb._unsealed_leaves as p
    )
)
$function$;

comment on function esdb._frontier_lags() is 'Whether esdb.seal_frontier stands at an older month than it could.';

revoke all on function esdb._frontier_lags() from public;
