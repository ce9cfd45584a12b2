-- What a seal adds to the chain, as a line of JSON: its row without the chained digest, and its statistics in the order
-- of their keys; times in UTC, digests in hexadecimal. So the chain stands for the statistics of archived events too.
create or replace function esdb._seal_line(
    number bigint
)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
select row_to_json(line)::text
from (
    select
        s.number,
        s.bounded_context,
        s.lower_bound,
        s.upper_bound,
        s.event_count,
        s.min_position,
        s.max_position,
        encode(s.events_digest, 'hex') as events_digest,
        s.sealed_at,
        s.sealed_by,
        (
            select coalesce(json_agg(row_to_json(counted) order by counted.group_context, counted.event_type), '[]')
            from (
                select t.group_context, t.event_type, t.event_count, t.first_event, t.last_event
                from esdb.seal_statistics as t
                where t.bounded_context = s.bounded_context and t.lower_bound = s.lower_bound
            ) as counted
        ) as statistics
    from esdb.seals as s
    where s.number = _seal_line.number
) as line
$function$;

comment on function esdb._seal_line(bigint) is 'The line of JSON by which a seal enters the chain of digests.';

revoke all on function esdb._seal_line(bigint) from public;
