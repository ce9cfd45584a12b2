-- Whether every bounded context has its months ahead of the clock and an unused overflow after them, for `esdb health`:
-- what the maintenance does in time, and is given a day for. Archives and seals that are late hold nobody up.
-- Locks what esdb._partition_status() locks.
create or replace function esdb._health_of_partitions()
returns table (
    is_ok boolean,
    detail text,
    hint text
)
language sql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with partitions as (
    select
        s.context_name,
        s.months_ahead,
        coalesce(s.months_ahead, -1) < s.months_wanted - case
            when esdb._utc_month(clock_timestamp() - interval '1 day') < esdb._utc_month(clock_timestamp()) then 1
            else 0
        end as is_late,
        s.overflow_since is not null or s.bound_until is not null or not exists (
            select
            from pg_inherits as tree
            where tree.inhrelid = to_regclass(format('esdb.%I', 'events_' || s.context_name || '_overflow'))
        ) as has_no_overflow
    from esdb._partition_status() as s
)
select
    count(*) filter (where p.is_late or p.has_no_overflow) = 0,
    coalesce(
        string_agg(
            format(
                '%s: %s', p.context_name,
                concat_ws(', ', case when p.is_late then format('months ahead: %s', coalesce(p.months_ahead::text, 'none')) end,
                    case when p.has_no_overflow then 'its overflow is used, bounded or missing' end)),
            '; ' order by p.context_name) filter (where p.is_late or p.has_no_overflow),
        format('months ahead: %s at least', min(p.months_ahead))),
    'esdb partitions status tells more; run esdb partitions create-next, and see that esdb maintain runs'
from partitions as p
$function$;

comment on function esdb._health_of_partitions() is
    'Whether the partitions ahead are there, and what is missing, for `esdb health ready`.';

revoke all on function esdb._health_of_partitions() from public;
-- a probe may be any role's
grant execute on function esdb._health_of_partitions() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
