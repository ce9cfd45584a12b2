-- The times at which the unsealed leaves of a context (null: of all) can hold events: what lies between the sealed ones,
-- from the frontier on to the end of the newest month with events. Where that is a few months, as at the head, those
-- whose leaf has never been written to are left out: they need not be locked and planned.
--
-- The size of an empty leaf proves that no event was committed to it before the question was asked; a leaf that is not
-- found under its month's name (an overflow, a span) counts as written to. Names are looked up for that alone.
-- Locks nothing beyond its own statement.
create or replace function esdb._unsealed_months(
    frontier timestamptz,
    bounded_contexts text[]
)
returns table (
    bounded_context text,
    months tstzrange
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    -- not a function in SQL: that would be planned at each call
    return query
    with edges as (
        select c.code::text as code, c.name, frontier as from_time, '-infinity'::timestamptz as sealed_from
        from esdb.bounded_contexts as c
        where coalesce(c.code = any (_unsealed_months.bounded_contexts), true)
        union all
        select c.code::text, c.name, s.upper_bound, s.lower_bound
        from esdb.bounded_contexts as c
        join esdb.seals as s on s.bounded_context = c.code
        where s.upper_bound > frontier and coalesce(c.code = any (_unsealed_months.bounded_contexts), true)
    ),
    gaps as (
        select
            e.code,
            e.name,
            e.from_time,
            coalesce(lead(e.sealed_from) over (partition by e.code order by e.sealed_from), esdb._newest_month_end()) as to_time
        from edges as e
    ),
    pieces as (
        select g.code, g.name, esdb._utc_month(g.from_time, n.n) as from_time, esdb._utc_month(g.from_time, n.n + 1) as to_time
        from gaps as g
        cross join generate_series(0, 2) as n (n)
        where g.to_time <= esdb._utc_month(g.from_time, 3) and esdb._utc_month(g.from_time, n.n) < g.to_time
        union all
        select g.code, null, g.from_time, g.to_time
        from gaps as g
        where g.from_time < g.to_time and g.to_time > esdb._utc_month(g.from_time, 3)
    )
    select p.code, tstzrange(p.from_time, p.to_time)
    from pieces as p
    where not exists (
        select
        from pg_class as leaf
        where leaf.oid = to_regclass(
                'esdb.' || quote_ident('events_' || p.name || to_char(p.from_time at time zone 'UTC', '"_y"YYYY"m"MM')))
            and leaf.relispartition
            and pg_relation_size(leaf.oid) = 0
    );
end
$function$;

comment on function esdb._unsealed_months(timestamptz, text[]) is
    'The times, from the frontier on, at which the unsealed leaves of some contexts can hold events.';

revoke all on function esdb._unsealed_months(timestamptz, text[]) from public;
