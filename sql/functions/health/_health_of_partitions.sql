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
select
    count(fault.text) = 0,
    coalesce(
        string_agg(format('%s: %s', s.context_name, split_part(fault.text, '; run ', 1)), '; ' order by s.context_name)
            filter (where fault.text is not null),
        format('months ahead: %s at least', min(s.months_ahead))),
    'esdb partitions status tells more; run esdb partitions create-next, and see that esdb maintain runs'
from esdb._partition_status() as s
left join lateral unnest(s.reasons) as fault (text) on fault.text not like 'archiving is unfinished %'
$function$;

comment on function esdb._health_of_partitions() is
    'Whether the partitions ahead are there, and what is missing, for `esdb health ready`.';

revoke all on function esdb._health_of_partitions() from public;
-- a probe may be any role's
grant execute on function esdb._health_of_partitions() to esdb_reader, esdb_writer, esdb_consumer, esdb_maintainer;
