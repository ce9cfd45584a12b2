-- Chooses the next stretch of the feed for read_all() and the leaves that can hold events in it. Of the positions above
-- lower_position up to upper_position it gives the first ones (backward: the last), as many as should hold about so
-- many events that pass the filters, and as sources the leaves to read: conditions on contexts and times, null for none.
-- is_wide: they are so many that their locks should not be held at once; then each source is of one context.
-- A stretch that held fewer is followed by the next, so the estimate need not be right.
--
-- Stable, so that all it looks at is of one snapshot. upper_position is not above the mark, so every event in question
-- was visible in that snapshot: context and time of each stand in source however the partitions change until they are
-- read. Sealed and unsealed partitions may be opened, closed, spanned and renamed, and none is taken out of the tree
-- before this transaction ends unless the snapshot has it as archived: then this raises SE013, or leaves it out with
-- skip_archived. An archive inside the stretch ends it: only a page that is not full by then raises.
-- Locks nothing beyond its own statement. Errors: SE013.
create or replace function esdb._feed_window(
    inout lower_position bigint,
    inout upper_position bigint,
    wanted double precision,
    bounded_contexts text[],
    group_contexts text[],
    event_types text[],
    backward boolean,
    skip_archived boolean,
    out sources text[],
    out is_wide boolean
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    _groups constant bpchar[] := group_contexts;
    _leaves_at_once constant integer := 400;
    _frontier esdb.seal_frontier;
    _newest_sealed bigint;
    _expected double precision := 0;
    _seals refcursor;
    _seal record;
begin
    select f.* into _frontier from esdb.seal_frontier as f;
    select max(s.max_position) into _newest_sealed from esdb.seals as s;
    if backward and upper_position > _newest_sealed then
        _expected := upper_position - _newest_sealed;
        if _expected >= wanted then
            lower_position := greatest(lower_position, _newest_sealed);
        end if;
    end if;

    if _newest_sealed > lower_position then
        -- each order is one of an index, so that no more seals are read than fill the page
        if backward then
            open _seals for
            select s.min_position, s.max_position, s.passing_count
            from esdb._counted_seals(_groups, event_types) as s
            where s.max_position > lower_position and s.min_position <= upper_position
                and coalesce(s.bounded_context = any (bounded_contexts), true)
            order by s.min_position desc;
        else
            open _seals for
            select s.min_position, s.max_position, s.passing_count
            from esdb._counted_seals(_groups, event_types) as s
            where s.max_position > lower_position and s.min_position <= upper_position
                and coalesce(s.bounded_context = any (bounded_contexts), true)
            order by s.max_position;
        end if;
        loop
            fetch _seals into _seal;
            exit when not found;
            -- a leaf that lies partly in the stretch holds its share, if its events are spread evenly
            _expected := _expected + coalesce(_seal.passing_count, 0)::double precision
                * (least(_seal.max_position, upper_position) - greatest(_seal.min_position, lower_position + 1) + 1)
                / (_seal.max_position - _seal.min_position + 1);
            if _expected >= wanted then
                if backward then
                    lower_position := greatest(lower_position, _seal.min_position - 1);
                else
                    upper_position := least(upper_position, _seal.max_position);
                end if;
                exit;
            end if;
        end loop;
        close _seals;
    end if;

    if not skip_archived and esdb._archived_until() > to_timestamp(0) then
        select s.bounded_context, s.lower_bound, s.min_position, s.max_position
        into _seal
        from esdb.archives as a
        join esdb._counted_seals(_groups, event_types) as s
            on s.bounded_context = a.bounded_context and s.lower_bound = a.lower_bound
        where a.state <> 'archiving'
            and s.event_count > 0
            and int8range(s.min_position, s.max_position, '[]') && int8range(lower_position, upper_position, '(]')
            and coalesce(s.bounded_context = any (bounded_contexts), true)
            and s.passing_count > 0
        order by case when backward then -s.max_position else s.min_position end
        limit 1;
        if found then
            if backward and _seal.max_position < upper_position then
                lower_position := _seal.max_position;
            elsif not backward and _seal.min_position > lower_position + 1 then
                upper_position := _seal.min_position - 1;
            else
                perform esdb._refuse_archived(_seal.bounded_context, _seal.lower_bound);
            end if;
        end if;
    end if;

    with leaves as (
        select s.bounded_context::text as code, tstzrange(s.lower_bound, s.upper_bound) as months
        from esdb._counted_seals(_groups, event_types) as s
        where _newest_sealed > lower_position
            and s.event_count > 0
            and int8range(s.min_position, s.max_position, '[]') && int8range(lower_position, upper_position, '(]')
            and coalesce(s.bounded_context = any (bounded_contexts), true)
            and s.passing_count > 0
            and not exists (
                select
                from esdb.archives as a
                where a.bounded_context = s.bounded_context and a.lower_bound = s.lower_bound and a.state <> 'archiving'
            )
        union all
        select u.bounded_context, u.months
        from esdb._unsealed_months(_frontier.month, bounded_contexts) as u
        where upper_position > _frontier.position
    ),
    ranges as (
        select l.code, range_agg(l.months) as months
        from leaves as l
        group by l.code
    ),
    width as (
        -- a leaf and its indexes are eight locks or nine; the months of a range are its leaves, or more than they are
        select coalesce(sum(
            case
                when isfinite(lower(m)) then
                    (date_part('year', upper(m)) - date_part('year', lower(m))) * 12
                    + date_part('month', upper(m)) - date_part('month', lower(m))
                else 'infinity'
            end), 0) > _leaves_at_once
            and (
                select count(*) > _leaves_at_once
                from pg_inherits as tree
                join pg_inherits as context_tree on context_tree.inhparent = tree.inhrelid
                where tree.inhparent = 'esdb.events'::regclass
            ) as is_wide
        from ranges as r
        cross join lateral unnest(r.months) as m
    ),
    -- contexts that are read at the same times stand in one condition; with all in one, each would be read at the
    -- times of all
    parts as (
        select array_agg(r.code order by r.code) as codes, r.months
        from ranges as r
        cross join width as w
        group by r.months, case when w.is_wide then r.code end
    )
    select array_agg(
        format(
            'select e.* from esdb.events as e where e.bounded_context = any (%L::text[]) and (%s)',
            p.codes,
            (
                select string_agg(
                    format(
                        'e.timestamp >= to_timestamp(%L) and e.timestamp < to_timestamp(%L)',
                        extract(epoch from lower(m)), extract(epoch from upper(m))),
                    ' or ')
                from unnest(p.months) as m
            ))
        order by p.codes), coalesce((select w.is_wide from width as w), false)
    into sources, is_wide
    from parts as p;
end
$function$;

comment on function esdb._feed_window(bigint, bigint, double precision, text[], text[], text[], boolean, boolean) is
    'The next stretch of positions for read_all() and a query of the leaves that can hold events in it. Errors: SE013.';

revoke all on function esdb._feed_window(bigint, bigint, double precision, text[], text[], text[], boolean, boolean)
    from public;
