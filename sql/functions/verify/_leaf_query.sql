-- The statement of esdb_meta.leaf_faults(), for format(): its arguments are the leaf's name, its month (null: several),
-- its context, its bounds, a stream (null: all) and the leaf's name to print. What is null goes when it is planned: in a
-- leaf of one month the month is a constant and no part of the sort. $1 is the number of faults to return of each kind.
--
-- is_quick: looks up the streams of the events that there are, by key, instead of reading all streams for those that are
-- noted for the leaf. It then finds no stream that should have events and has none, so it compares how many were found
-- with $2, and which with $3, as esdb_meta.leaves() noted them: a row `not as noted` says that this was not enough.
--
-- held: what the leaf has of each stream in each month, from one sort of the leaf by stream and version. noted: what
-- the streams' rows and esdb.stream_months say that it has; a month's last version is the one before the next month's
-- first, looked up only for a stream that went on. Both are joined by stream and month. Locks nothing.
create or replace function esdb_meta._leaf_query(
    is_quick boolean
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select replace(replace($query$
with held as (
    select
        o.aggregate_id,
        o.month,
        min(o.version) as first_version,
        max(o.version) as last_version,
        min(o."timestamp") as first_time,
        max(o."timestamp") as last_time,
        min(o.aggregate_type) as lowest_type,
        max(o.aggregate_type) as highest_type,
        count(*) filter (where o.version <> o.version_before + 1) as breaks,
        min(o.version) filter (where o.version <> o.version_before + 1) as broken_at,
        min(o.version) filter (where o."timestamp" < o.time_before) as earlier_at,
        min(o.version) filter (where o."position" <= o.position_before) as lower_at
    from (
        select
            e.aggregate_id,
            e.month,
            e.version::bigint as version,
            e."timestamp",
            e.aggregate_type,
            e."position",
            lag(e.version::bigint) over stream_order as version_before,
            lag(e."timestamp") over stream_order as time_before,
            lag(e."position") over stream_order as position_before
        from (
                select x.*, coalesce(%2$L::timestamptz, esdb._utc_month(x."timestamp")) as month
                from esdb.%1$I as x
                where %6$L is null or x.aggregate_id = %6$L
            ) as e
        window stream_order as (partition by e.aggregate_id, e.month order by e.version)
    ) as o
    group by o.aggregate_id, o.month
),
entered as (
    select x as stream, esdb._utc_month(x.created_at) as month, 1::bigint as first_version
    from esdb._streams as x
    where x.bounded_context = %3$L and x.created_at >= %4$L and x.created_at < %5$L
        and (%6$L is null or x.aggregate_id = %6$L)
        <only held>
    union all
    select s, x.month, x.first_version
    from esdb.stream_months as x
    join esdb._streams as s on s.aggregate_id = x.aggregate_id
    where s.bounded_context = %3$L and x.month >= %4$L and x.month < %5$L
        and (%6$L is null or x.aggregate_id = %6$L)
        <only held>
),
noted as (
    select
        (n.stream).*,
        n.month,
        n.first_version,
        coalesce(next.first_version - 1, (n.stream).version) as last_version,
        next.first_version is null as is_last
    from entered as n
    left join lateral (
        select m.first_version
        from esdb.stream_months as m
        where m.aggregate_id = (n.stream).aggregate_id
            and m.month > n.month
            and (n.stream).updated_at >= esdb._utc_month(n.month, 1)
        order by m.month
        limit 1
    ) as next on true
),
compared as (
    select
        coalesce(h.aggregate_id, n.aggregate_id) as name,
        h.month as month_start,
        to_char(coalesce(h.month, n.month) at time zone 'UTC', 'YYYY-MM') as month,
        h.aggregate_id is not null as is_held,
        n.aggregate_id is not null as is_noted,
        case
            when n.aggregate_id is null then (select s from esdb._streams as s where s.aggregate_id = h.aggregate_id)
        end as elsewhere,
        h.first_version as held_first,
        h.last_version as held_last,
        n.first_version as noted_first,
        n.last_version as noted_last,
        h.first_time,
        h.last_time,
        h.lowest_type,
        h.highest_type,
        h.breaks,
        h.broken_at,
        h.earlier_at,
        h.lower_at,
        n.is_last,
        n.month_version,
        n.created_at,
        n.updated_at,
        n.aggregate_type
    from held as h
    full join noted as n on n.aggregate_id = h.aggregate_id and n.month = h.month
),
faults as (
    select c.name, f.kind, f.fault
    from compared as c
    cross join lateral (
        values
            ('stream missing', not c.is_noted and (c.elsewhere).aggregate_id is null,
                format('there is no such stream, but versions %%s to %%s', c.held_first, c.held_last)),
            ('stream context', not c.is_noted and (c.elsewhere).bounded_context <> %3$L,
                format('the stream is in context %%s, its versions %%s to %%s in %%s',
                    (c.elsewhere).bounded_context, c.held_first, c.held_last, %3$L)),
            ('stream months', not c.is_noted and (c.elsewhere).bounded_context = %3$L,
                format('versions %%s to %%s are of %%s, a month that the stream does not note',
                    c.held_first, c.held_last, c.month)),
            ('stream versions', not c.is_held and c.noted_last >= c.noted_first,
                format('versions %%s to %%s, noted for %%s, are missing', c.noted_first, c.noted_last, c.month)),
            ('stream versions', not c.is_held and c.noted_last < c.noted_first,
                format('no event of %%s, which is noted to begin with version %%s; the stream is at version %%s',
                    c.month, c.noted_first, c.noted_last)),
            ('stream versions', c.held_first <> c.noted_first,
                format('%%s begins with version %%s, noted is %%s', c.month, c.held_first, c.noted_first)),
            ('stream versions', c.held_last <> c.noted_last,
                format('%%s ends with version %%s, by the stream''s row and months with %%s',
                    c.month, c.held_last, c.noted_last)),
            ('stream versions', c.breaks > 0,
                format('a gap or a duplicate before version %%s, %%s in all', c.broken_at, c.breaks)),
            ('stream times', c.earlier_at is not null,
                format('the timestamp of version %%s is before that of the version before', c.earlier_at)),
            ('stream times', c.lower_at is not null,
                format('the position of version %%s is not above that of the version before', c.lower_at)),
            ('stream times', c.noted_first = 1 and c.first_time <> c.created_at,
                format('created_at is %%s, its first event is of %%s', c.created_at, c.first_time)),
            ('stream times', c.is_last and c.last_time <> c.updated_at,
                format('updated_at is %%s, its newest event is of %%s', c.updated_at, c.last_time)),
            ('stream months', c.is_last and c.month_version <> c.noted_first,
                format('month_version is %%s, but its newest month begins with version %%s', c.month_version, c.noted_first)),
            ('stream type', c.lowest_type <> c.aggregate_type or c.highest_type <> c.aggregate_type,
                format('the stream is of type %%s, events of type %%s', c.aggregate_type,
                    case when c.lowest_type <> c.aggregate_type then c.lowest_type else c.highest_type end))
    ) as f (kind, is_fault, fault)
    where f.is_fault
    <as noted>
),
numbered as (
    select
        f.kind,
        f.name,
        f.fault || ' (in ' || %7$L || ')' as fault,
        count(*) over (partition by f.kind) as total,
        row_number() over (partition by f.kind order by f.name, f.fault) as number
    from faults as f
)
select n.kind, n.name, n.fault, n.total
from numbered as n
where n.number <= $1
order by n.kind, n.number
$query$,
    '<only held>', case when is_quick then 'and x.aggregate_id in (select h.aggregate_id from held as h)' else '' end),
    '<as noted>', case when is_quick then $compare$
    union all
    select '', 'not as noted', ''
    from compared as c
    where c.is_held and c.is_noted
    having (count(*), bit_xor(esdb_meta._month_hash(c.name, c.month_start)))
        is distinct from ($2, $3)
    $compare$ else '' end)
$function$;

comment on function esdb_meta._leaf_query(boolean) is
    'The statement that compares the events of a leaf with their streams, for esdb_meta.leaf_faults().';

revoke all on function esdb_meta._leaf_query(boolean) from public;
