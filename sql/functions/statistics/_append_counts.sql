-- How many events of a context were appended in each of the last minutes (60), hours (48) or days (31, UTC) before a time,
-- the running one included, for the view append_rate: the time is the clock's, what came later counts as running. What it
-- costs depends neither on how much history there is nor on how fast it grows.
--
-- In a leaf, events stand by position as they came, so the first one of a minute is found by halving: a step is a look into
-- the index. Between two such borders the events are counted, up to 5,000. Where there are more, those in 128 evenly
-- spaced windows of positions are, as wide as hold 5,000 in all, and the number is an estimate: some 1 % off, or 5 %
-- where events come in batches of a hundred. A window is counted up to 1,000; where there are more in it, what it holds
-- goes by how far these reach.
--
-- An import of events older than those that stand there breaks the order by time, and with it these counts, until the
-- leaf's time is over.
--
-- Stable, so all of it is one snapshot. Locks one leaf after the other in ACCESS SHARE, each only meanwhile.
-- Errors: SE009.
create or replace function esdb._append_counts(
    period text,
    bounded_context text,
    until timestamptz
)
returns table (
    begins_at timestamptz,
    seconds double precision,
    event_count bigint,
    is_estimate boolean
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- each estimate of rows in the query is wrong, and the plan is the same for all
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
#variable_conflict use_column
declare
    _step constant interval := '1 ' || period;
    _borders timestamptz[];
    _leaf text;
    _counts bigint[];
    _estimates boolean[];
begin
    if (period = any ('{minute,hour,day}')) is not true then
        perform esdb._invalid_argument('period', coalesce(period, 'null'), 'Pass minute, hour or day.');
    end if;
    if isfinite(until) is not true then
        perform esdb._invalid_argument('until', coalesce(until::text, 'null'), 'Pass a time.');
    end if;
    select array_agg(b.border order by b.border)
    into _borders
    from generate_series(
        date_trunc(period, until) - _step * (case period when 'minute' then 59 when 'hour' then 47 else 30 end),
        date_trunc(period, until),
        _step
    ) as b (border);
    _counts := array_fill(0, array[cardinality(_borders)]);
    _estimates := array_fill(false, array[cardinality(_borders)]);
    for _leaf in
        select l.partition
        from esdb._head_leaves(_borders[1], _append_counts.bounded_context) as l
    loop
        begin
            execute replace($$
                with recursive edges as materialized (
                    select min(e.position) as lowest, max(e.position) + 1 as beyond
                    from only {leaf} as e
                ),
                -- the first event that is not before the border stands at low or behind it, and not behind high
                search as (
                    select b.number, b.border, x.lowest as low, x.beyond as high
                    from edges as x
                    cross join unnest($1) with ordinality as b (border, number)
                    where x.lowest is not null
                    union all
                    select
                        s.number,
                        s.border,
                        case when p.timestamp < s.border then p.position + 1 else s.low end,
                        case when p.timestamp < s.border then s.high else (s.low + s.high) / 2 end
                    from search as s
                    cross join lateral (
                        select e.position, e.timestamp
                        from only {leaf} as e
                        where e.position >= (s.low + s.high) / 2
                        order by e.position
                        limit 1
                    ) as p
                    where s.low < s.high
                ),
                stretches as materialized (
                    select s.number, s.low, lead(s.low, 1, x.beyond) over (order by s.number) as beyond
                    from search as s
                    cross join edges as x
                    where s.low = s.high
                ),
                counted as materialized (
                    select s.number, s.low, s.beyond, c.events, greatest(1, (c.newest - s.low + 1) / 128) as width
                    from stretches as s
                    cross join lateral (
                        select count(*) as events, max(n.position) as newest
                        from (
                            select e.position
                            from only {leaf} as e
                            where e.position >= s.low and e.position < s.beyond
                            order by e.position
                            limit 5001
                        ) as n
                    ) as c
                ),
                sampled as (
                    select
                        c.number,
                        sum(
                            (cell.beyond - cell.low) * n.events::double precision
                            / case when n.events < 1000 then n.beyond - cell.low else n.newest - cell.low + 1 end
                        ) as events
                    from counted as c
                    cross join generate_series(0, 127) as piece (number)
                    cross join lateral (
                        select
                            c.low + (c.beyond - c.low) * piece.number / 128 as low,
                            c.low + (c.beyond - c.low) * (piece.number + 1) / 128 as beyond
                    ) as cell
                    cross join lateral (
                        select
                            count(*) as events,
                            max(w.position) as newest,
                            least(cell.beyond, cell.low + c.width) as beyond
                        from (
                            select e.position
                            from only {leaf} as e
                            where e.position >= cell.low and e.position < least(cell.beyond, cell.low + c.width)
                            order by e.position
                            limit 1000
                        ) as w
                    ) as n
                    where c.events > 5000
                    group by c.number
                )
                select
                    array_agg(t.event_count + coalesce(round(s.events)::bigint, c.events, 0) order by t.number),
                    array_agg(t.is_estimate or s.events is not null order by t.number)
                from unnest($2, $3) with ordinality as t (event_count, is_estimate, number)
                left join counted as c on c.number = t.number
                left join sampled as s on s.number = t.number
                $$, '{leaf}', format('esdb.%I', _leaf))
                into strict _counts, _estimates
                using _borders, _counts, _estimates;
            raise exception 'the locks go' using errcode = 'SE000';
        exception
            when sqlstate 'SE000' or undefined_table then
                null;
        end;
    end loop;
    return query
    select
        t.border,
        greatest(1, extract(epoch from least(t.border + _step, until) - t.border))::double precision,
        t.event_count,
        t.is_estimate
    from unnest(_borders, _counts, _estimates) as t (border, event_count, is_estimate)
    order by t.border desc;
end
$function$;

comment on function esdb._append_counts(text, text, timestamptz) is
    'How many events of a context were appended in each of the last minutes, hours or days before a time. Errors: SE009.';

revoke all on function esdb._append_counts(text, text, timestamptz) from public;
-- the view esdb.append_rate calls it as its reader
grant execute on function esdb._append_counts(text, text, timestamptz) to esdb_reader, esdb_writer, esdb_maintainer;
