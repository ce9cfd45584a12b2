-- What has to be done, and in which order, so that every bounded context has its months ahead of the clock and an
-- overflow after them; with new_code and new_name, what that one context needs, registered already or not. Reads the
-- catalog, and of each overflow a row; all of one only if the store has events of months to come. Changes and locks
-- nothing.
--
-- A used overflow gets a bound, past which appends fail until it is a span. So the bound lies as far ahead as appends
-- shall go on without a run: partitions_ahead whole months, at least one. A bound that was left unproven and comes near
-- gives way to a new one.
--
-- Each action is the name of the template that does it, and the actions of one phase belong in one transaction. Who
-- carries it out does the lowest phase, commits, and asks again: so a run killed anywhere is continued by the next,
-- and two runs at once do nothing twice.
create or replace function esdb._partition_plan(
    months_ahead integer default null,
    new_code text default null,
    new_name text default null
)
returns table (
    bounded_context text,
    context_name text,
    phase integer,
    action text,
    partition text,
    lower_bound timestamptz,
    upper_bound timestamptz,
    overflow text,
    bound_constraint text,
    optional_indexes jsonb
)
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_variable
declare
    _now constant timestamptz := clock_timestamp();
    _ahead constant integer := esdb._setting('partitions_ahead')::integer;
    _end timestamptz := esdb._utc_month(_now, coalesce(months_ahead, _ahead) + 1);
    _context record;
    _has_overflow boolean;
    _is_used boolean;
    _until timestamptz;
    _bound record;
    _from timestamptz;
begin
    optional_indexes := esdb._leaf_indexes();
    for _context in
        select
            c.code,
            c.name,
            to_regclass('esdb.events_' || c.name) is null as is_new,
            p.lower_bound as overflow_from,
            (
                select max(m.upper_bound)
                from esdb._leaves as m
                where m.bounded_context = c.code
            ) as months_end
        from (
            select r.code::text, r.name
            from esdb.bounded_contexts as r
            where new_code is null
            union all
            select new_code, new_name
            where new_code is not null
        ) as c
        left join esdb._leaves as p on p.bounded_context = c.code and p.kind = 'overflow'
        order by c.name
    loop
        bounded_context := _context.code;
        context_name := _context.name;
        overflow := 'events_' || _context.name || '_overflow';
        phase := 1;
        bound_constraint := null;
        _is_used := false;

        _has_overflow := _context.overflow_from is not null;

        if _context.is_new then
            action := 'create_context';
            partition := 'events_' || _context.name;
            lower_bound := null;
            upper_bound := null;
            return next;
        end if;
        if _has_overflow then
            execute format('select exists (select from esdb.%I)', overflow) into _is_used;
            _from := _context.overflow_from;
        else
            -- A new context, or an overflow that was lost. From last month on: a clock that steps back over a month's
            -- start finds a place for its events.
            _from := coalesce(_context.months_end, esdb._utc_month(_now, -1));
        end if;

        if _is_used then
            -- no event is of this month or later; which mostly is known without looking at them
            _until := esdb._utc_month(_now, 1);
            if esdb._newest_month_end() > _until then
                execute format('select esdb._utc_month(greatest($1, max(o.timestamp)), 1) from esdb.%I as o', overflow)
                    into _until
                    using _now;
            end if;
        end if;
        -- all null: there is none
        select b.* into _bound from esdb._unfinished_bounds() as b where b.partition = overflow;
        if _bound.action is not null
            and (not _is_used or (not _bound.is_proven and (_bound.is_near or _until > _bound.upper_bound)))
        then
            action := _bound.action;
            partition := overflow;
            lower_bound := _from;
            upper_bound := _bound.upper_bound;
            bound_constraint := _bound.bound_constraint;
            return next;
            select null::timestamptz as upper_bound, null::boolean as is_proven into _bound;
            bound_constraint := null;
        end if;

        if _is_used then
            upper_bound := coalesce(_bound.upper_bound, esdb._utc_month(_until, greatest(_ahead, 1)));
            lower_bound := _from;
            bound_constraint := to_char(upper_bound at time zone 'UTC', '"spans_until_"YYYY_MM');
            partition := overflow;
            if _bound.upper_bound is null then
                action := 'bound_overflow';
                return next;
            end if;
            if _bound.is_proven is not true then
                phase := 2;
                action := 'validate_overflow';
                return next;
            end if;
            phase := 3;
        elsif _has_overflow and _from >= _end then
            continue;
        end if;

        if _has_overflow then
            action := 'detach_overflow';
            partition := overflow;
            return next;
        end if;
        if _is_used then
            action := 'attach_span';
            partition := esdb._partition_name(_context.name, _from, upper_bound);
            return next;
            _from := upper_bound;
        end if;
        while _from < _end loop
            action := 'create_month';
            lower_bound := _from;
            upper_bound := esdb._utc_month(_from, 1);
            partition := esdb._partition_name(_context.name, lower_bound, upper_bound);
            return next;
            _from := upper_bound;
        end loop;
        action := case when _has_overflow and not _is_used then 'attach_overflow' else 'create_overflow' end;
        partition := overflow;
        lower_bound := _from;
        upper_bound := null;
        return next;
    end loop;
end
$function$;

comment on function esdb._partition_plan(integer, text, text) is
    'The DDL that is due, as template names with their variables, in order: months_ahead (default: the setting partitions_ahead) whole months after the current one; for every context, or for new_code and new_name alone.';

revoke all on function esdb._partition_plan(integer, text, text) from public;
