-- The version that a stream had at a time: that of its newest event not later than as_of; 0 before its first; null as_of
-- means now.
--
-- Time never runs backwards inside a stream, so the months that it entered tell in which one that event lies. If the
-- month was over by as_of, its last version is known from the month entered next and no leaf is read; else the version
-- is halved in on, in this month's leaf alone, a look at the index a step. An archived month raises.
-- Locks: that leaf, shared, until the transaction ends. Errors: SE013.
create or replace function esdb._version_as_of(
    stream esdb.streams,
    as_of timestamptz
)
returns bigint
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _month timestamptz;
    _before bigint;
    _last bigint;
begin
    if as_of is null or as_of >= stream.updated_at then
        return stream.version;
    end if;
    if as_of < stream.created_at then
        return 0;
    end if;

    select m.month, m.first_version - 1
    into _month, _before
    from esdb.stream_months as m
    where m.aggregate_id = stream.aggregate_id and m.month <= as_of
    order by m.month desc
    limit 1;
    if _month is null then
        _month := esdb._utc_month(stream.created_at);
        _before := 1;  -- as_of is not before the first event
    end if;
    select m.first_version - 1
    into _last
    from esdb.stream_months as m
    where m.aggregate_id = stream.aggregate_id and m.month > as_of
    order by m.month
    limit 1;
    _last := coalesce(_last, stream.version);
    if as_of >= esdb._utc_month(_month, 1) or _before = _last then
        return _last;
    end if;
    if _month < esdb._archived_until() then
        perform esdb._check_archived(stream.bounded_context, _month, as_of, 'ask for a version instead of a time');
    end if;

    execute
        'with recursive search (low, high) as ('
        ' select $1, $2'
        ' union all'
        ' select case when e.is_by_then then m.version else s.low end, case when e.is_by_then then s.high else m.version - 1 end'
        ' from search as s'
        ' cross join lateral (select (s.low + s.high + 1) / 2 as version) as m'
        ' cross join lateral (select exists ('
        '     select from esdb.events as e'
        '     where e.bounded_context = $3 and e.timestamp >= $4 and e.timestamp <= $5'
        '     and e.aggregate_id = $6 and e.version = m.version) as is_by_then) as e'
        ' where s.low < s.high)'
        ' select s.low from search as s where s.low = s.high'
        into _last
        using _before, _last, stream.bounded_context, _month, as_of, stream.aggregate_id;
    return _last;
end
$function$;

comment on function esdb._version_as_of(esdb.streams, timestamptz) is
    'The version of a stream''s newest event not later than a time, 0 where there is none; reads one leaf at most. Errors: SE013.';

revoke all on function esdb._version_as_of(esdb.streams, timestamptz) from public;
