-- What read_all() is to read for positions above lower_position, where those lie behind what is sealed and the unsealed
-- months of all contexts are a few leaves; from_time is null anywhere else. source: a query of the leaves, in which
-- $8 and $9 are the times; null where nothing is written.
--
-- Behind what is sealed, events are of the frontier's month or later. Months and contexts never written to are left out:
-- to plan the read of a leaf costs twenty times what the look at its size does. Whether the others have any of the
-- positions is not asked, because that would cost more than to read them.
-- Stable, so that all it looks at is of one snapshot; esdb._feed_window() says why that holds for the read behind it.
-- Locks nothing beyond its own statement.
create or replace function esdb._feed_head(
    lower_position bigint,
    bounded_contexts text[],
    out from_time timestamptz,
    out to_time timestamptz,
    out source text
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _few_leaves constant integer := 20;
    _context_count integer;
    _written text[];
    _name text;
begin
    select f.month, f.newest_month_end, f.context_count
    into from_time, to_time, _context_count
    from (
        select
            s.month,
            esdb._newest_month_end() as newest_month_end,
            (select greatest(count(*), 1)::integer from esdb.bounded_contexts) as context_count
        from esdb.seal_frontier as s
        where lower_position >= coalesce((select max(p.max_position) from esdb.seals as p), 0)
    ) as f
    where esdb._utc_month(f.month, _few_leaves / f.context_count) >= f.newest_month_end;

    while from_time < to_time loop
        select array_agg(w.code), min(w.name)
        into _written, _name
        from esdb._written_contexts(from_time, bounded_contexts) as w;
        exit when _written is not null;
        from_time := esdb._utc_month(from_time, 1);
    end loop;
    if esdb._utc_month(from_time, 1) < to_time then
        -- the months behind it were not asked about
        _written := bounded_contexts;
    elsif cardinality(_written) = _context_count and _context_count > 1 then
        _written := null;
    end if;

    -- a condition on contexts costs for each leaf and for each row, so none stands where it can be spared
    if from_time < to_time then
        source := format(
            'select e.* from esdb.%I as e where e.timestamp >= $8 and e.timestamp < $9',
            case when cardinality(_written) = 1 then 'events_' || _name else 'events' end);
        if cardinality(_written) > 1 then
            source := source || format(' and e.bounded_context = any (%L::text[])', _written);
        end if;
    end if;
end
$function$;

comment on function esdb._feed_head(bigint, text[]) is
    'The query of the leaves to read at the head of the feed, none elsewhere.';

revoke all on function esdb._feed_head(bigint, text[]) from public;
