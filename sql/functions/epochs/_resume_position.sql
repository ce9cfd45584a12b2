-- Up to which position nothing is lost, for a server that has just recovered: from the settled one on as far as the events
-- follow each other without a gap, the jumps of epochs left aside. A gap may be the position of an append that had not
-- committed where the store was cut off, while a later one had; it committed afterwards, consumers handled it, and it is
-- lost. A rollback leaves the same gap. Holds the locks of one context's leaves at a time, shared, and none at its end.
create or replace function esdb._resume_position(
    forced boolean
)
returns bigint
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
with settled as (
    select s.position
    from esdb._settled_position(_resume_position.forced) as s (position)
),
jumps as materialized (
    select r.last_position, sum(r.first_position - 1 - r.last_position) over (order by r.last_position) as width
    from esdb._lost_ranges() as r
    where r.last_position >= (select s.position from settled as s)
),
followers as (
    select h.position, row_number() over (order by h.position) as number
    from settled as s
    cross join lateral esdb._in_each_context(
        'select e.position from esdb.%I as e where e.position > $1::bigint', s.position::text) as h (position bigint)
)
select coalesce(max(f.position), max(s.position))
from settled as s
left join followers as f
    on f.position = s.position + f.number
        + coalesce((select max(j.width) from jumps as j where j.last_position < f.position), 0)
$function$;

comment on function esdb._resume_position(boolean) is 'Up to which position nothing is lost: consumers go on after it.';

revoke all on function esdb._resume_position(boolean) from public;
