-- The overflows that `esdb partitions create-next` has given an upper bound and not yet made a span of: until that is
-- done or undone, an append of upper_bound or later fails. action and the columns after it are what the template needs
-- that takes the bound away. is_safe: it can stay, its proof is done and its end is more than a month ahead of the
-- clock. Reads the catalog, locks nothing.
create or replace function esdb._unfinished_bounds()
returns table (
    bounded_context text,
    context_name text,
    action text,
    partition text,
    bound_constraint text,
    upper_bound timestamptz,
    is_proven boolean,
    is_near boolean,
    is_safe boolean
)
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select
    b.bounded_context,
    b.context_name,
    'unbound_overflow',
    b.partition,
    b.bound_constraint,
    b.upper_bound,
    b.is_proven,
    b.is_near,
    b.is_proven and not b.is_near
from (
    select
        l.bounded_context::text,
        l.context_name,
        l.partition,
        k.conname::text as bound_constraint,
        u.upper_bound,
        k.convalidated as is_proven,
        u.upper_bound < clock_timestamp() + interval '1 month' as is_near
    from pg_constraint as k
    join esdb._leaves as l on l.leaf = k.conrelid
    cross join lateral (
        select (translate(substr(k.conname, 13), '_', '-') || '-01 00:00:00+00')::timestamptz as upper_bound
    ) as u
    where k.contype = 'c' and k.conname ~ '^spans_until_[0-9]+_[0-9]{2}$'
) as b
$function$;

comment on function esdb._unfinished_bounds() is
    'The overflows with an upper bound that are no span yet, and what takes the bound away; is_safe: it may stay.';

revoke all on function esdb._unfinished_bounds() from public;
