-- How each bounded context's partitions stand, by the clock; the view esdb.partition_status shows it.
--
-- reasons: what `esdb partitions status --check` exits 3 for. What a run of the maintenance does in time, each day at
-- the latest, is none before it is a day late. remarks: what should be looked at, and stops nothing.
-- Reads the catalog and, of an overflow that holds events, the first: see esdb._overflow_since(). Keeps no lock on it.
create or replace function esdb._partition_status()
returns table (
    bounded_context text,
    context_name text,
    months_ahead integer,
    months_wanted integer,
    overflow_rows bigint,
    overflow_since timestamptz,
    bound_until timestamptz,
    seals_due bigint,
    seals_due_since timestamptz,
    archives_unfinished bigint,
    archives_unfinished_since timestamptz,
    past_retain bigint,
    past_retain_since timestamptz,
    reasons text[],
    remarks text[]
)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $function$
#variable_conflict use_variable
declare
    _now constant timestamptz := clock_timestamp();
    _day constant interval := '1 day';
    _month constant interval := '1 month';
    _seal_after constant interval := esdb._setting('seal_after')::interval;
    _context record;
begin
    months_wanted := esdb._setting('partitions_ahead')::integer;
    for _context in
        with leaves as materialized (
            select l.*, s.number is not null as is_sealed
            from esdb._leaves as l
            left join esdb.seals as s on s.bounded_context = l.bounded_context and s.lower_bound = l.lower_bound
        )
        select
            c.code,
            c.name,
            to_regclass(format('esdb.%I', 'events_' || c.name)) is null as is_missing,
            to_regclass(format('esdb.%I', 'events_' || c.name || '_overflow')) is not null as is_astray,
            o.leaf as overflow,
            coalesce(o.lower_bound, t.months_end) as months_end,
            b.upper_bound as bound_until,
            t.seals_due,
            t.seals_due_since,
            t.past_retain,
            t.past_retain_since,
            a.unfinished,
            a.unfinished_since
        from esdb.bounded_contexts as c
        left join leaves as o on o.bounded_context = c.code and o.kind = 'overflow'
        left join esdb._unfinished_bounds() as b on b.bounded_context = c.code
        cross join lateral (
            select
                max(l.upper_bound) as months_end,
                count(*) filter (where not l.is_sealed and l.upper_bound + _seal_after <= _now) as seals_due,
                min(l.upper_bound + _seal_after)
                    filter (where not l.is_sealed and l.upper_bound + _seal_after <= _now) as seals_due_since,
                count(*) filter (where l.upper_bound + c.retain <= _now) as past_retain,
                min(l.upper_bound + c.retain) filter (where l.upper_bound + c.retain <= _now) as past_retain_since
            from leaves as l
            where l.bounded_context = c.code
        ) as t
        cross join lateral (
            select count(*) as unfinished, min(x.begun_at) as unfinished_since
            from esdb.archives as x
            where x.bounded_context = c.code and x.state <> 'archived'
        ) as a
        order by c.name
    loop
        bounded_context := _context.code;
        context_name := _context.name;
        months_ahead := (date_part('year', _context.months_end) - date_part('year', _now)) * 12
            + date_part('month', _context.months_end) - date_part('month', _now) - 1;
        overflow_rows := null;
        overflow_since := null;
        bound_until := _context.bound_until;
        seals_due := _context.seals_due;
        seals_due_since := _context.seals_due_since;
        archives_unfinished := _context.unfinished;
        archives_unfinished_since := _context.unfinished_since;
        past_retain := _context.past_retain;
        past_retain_since := _context.past_retain_since;

        if _context.overflow is not null then
            overflow_since := esdb._overflow_since(_context.overflow);
            if overflow_since is not null then
                -- what is counted as it comes, or was found by the last ANALYZE
                overflow_rows := greatest(
                    pg_stat_get_live_tuples(_context.overflow),
                    (select r.reltuples::bigint from pg_class as r where r.oid = _context.overflow), 1);
            end if;
        end if;

        reasons := '{}';
        if _context.is_missing then
            reasons := reasons || format('its table esdb.%I is missing; run esdb partitions create-next', 'events_' || context_name);
        elsif _context.overflow is null then
            reasons := reasons || ('no overflow, appends after the last month fail; '
                || case when _context.is_astray then 'run esdb verify' else 'run esdb partitions create-next' end);
        end if;
        if _context.months_end < esdb._utc_month(_now - _day, months_wanted + 1) then
            reasons := reasons || format('months ahead of the clock: %s, wanted: %s; run esdb partitions create-next',
                months_ahead, months_wanted);
        end if;
        if overflow_since is not null then
            reasons := reasons || format('the overflow holds events since %s, about %s; run esdb partitions create-next',
                date_trunc('second', overflow_since), overflow_rows);
        end if;
        if bound_until is not null then
            reasons := reasons || format('the overflow has an unfinished bound, appends fail from %s on; run esdb partitions create-next',
                bound_until::date);
        end if;
        if archives_unfinished_since + _day <= _now then
            reasons := reasons || format('archiving is unfinished since %s; run esdb partitions archive again',
                date_trunc('second', archives_unfinished_since));
        end if;

        remarks := '{}';
        if seals_due_since + _month <= _now then
            remarks := remarks || format('due for sealing since %s, %s in all; run esdb maintain',
                seals_due_since::date, seals_due);
        end if;
        if past_retain_since + _month <= _now then
            remarks := remarks || format('past the time to be kept since %s, %s in all; run esdb partitions archive',
                past_retain_since::date, past_retain);
        end if;
        return next;
    end loop;
end
$function$;

comment on function esdb._partition_status() is
    'How each bounded context''s partitions stand, by the clock, and what is wrong, for the view esdb.partition_status.';

revoke all on function esdb._partition_status() from public;
-- the view esdb.partition_status calls it as its reader
grant execute on function esdb._partition_status() to esdb_reader, esdb_writer, esdb_maintainer;
