-- Where the streams' rows and their noted months contradict themselves, or say of a month that no partition holds it:
-- what esdb_meta.leaf_faults() cannot see from inside a leaf. A month in an archive is held there. One row a fault: the first max_count of each kind, and in
-- `total` how many of that kind there are. One statement, so one snapshot. Locks nothing.
create or replace function esdb_meta.stream_faults(
    aggregate_id text default null,
    max_count integer default 100
)
returns table (
    kind text,
    name text,
    fault text,
    total bigint
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
begin
    return query
    with month_rows as (
        select
            m.aggregate_id,
            m.month,
            m.first_version,
            lag(m.first_version, 1, 1::bigint) over (partition by m.aggregate_id order by m.month) as version_before,
            s as stream
        from esdb.stream_months as m
        left join esdb._streams as s on s.aggregate_id = m.aggregate_id
        where stream_faults.aggregate_id is null or m.aggregate_id = stream_faults.aggregate_id
    ),
    entered as (
        select
            s.bounded_context,
            esdb._utc_month(s.created_at) as month,
            count(*) as streams,
            min(s.aggregate_id) as example
        from esdb.streams as s
        where stream_faults.aggregate_id is null or s.aggregate_id = stream_faults.aggregate_id
        group by 1, 2
        union all
        select (r.stream).bounded_context, esdb._utc_month(r.month), count(*), min(r.aggregate_id)
        from month_rows as r
        where (r.stream).aggregate_id is not null
        group by 1, 2
    ),
    faults as (
        select
            'stream months' as kind,
            r.aggregate_id as name,
            format('a month is noted, %s, but there is no such stream', to_char(r.month at time zone 'UTC', 'YYYY-MM')) as fault
        from month_rows as r
        where (r.stream).aggregate_id is null
        union all
        select
            'stream months',
            r.aggregate_id,
            format('noted is version %s as the first of %s, which does not fit the rest: months follow each other from %s '
                'to %s, versions from 2 to %s',
                r.first_version, r.month, (r.stream).created_at, (r.stream).updated_at, (r.stream).version)
        from month_rows as r
        where r.first_version <= r.version_before
            or r.first_version > (r.stream).version
            or r.month <> esdb._utc_month(r.month)
            or r.month <= (r.stream).created_at
            or r.month > (r.stream).updated_at
        union all
        select
            'stream months',
            e.example,
            format('no partition of context %s holds %s, in which %s streams have events, this one the first',
                e.bounded_context, to_char(e.month at time zone 'UTC', 'YYYY-MM'), e.streams)
        from entered as e
        where not exists (
            select
            from esdb._leaves as p
            where p.bounded_context = e.bounded_context
                and p.lower_bound <= e.month
                and coalesce(p.upper_bound > e.month, true)
        )
        and not exists (
            select
            from esdb.archives as a
            join esdb.seals as sealed on sealed.bounded_context = a.bounded_context and sealed.lower_bound = a.lower_bound
            where a.bounded_context = e.bounded_context and sealed.lower_bound <= e.month and sealed.upper_bound > e.month
        )
    ),
    numbered as (
        select
            f.kind,
            f.name,
            f.fault,
            count(*) over (partition by f.kind) as total,
            row_number() over (partition by f.kind order by f.name, f.fault) as number
        from faults as f
    )
    select n.kind, n.name, n.fault, n.total
    from numbered as n
    where n.number <= stream_faults.max_count
    order by n.kind, n.number;
end
$function$;

comment on function esdb_meta.stream_faults(text, integer) is
    'Where the rows of streams and of their months contradict each other or the partitions: the first max_count faults.';

revoke all on function esdb_meta.stream_faults(text, integer) from public;
grant execute on function esdb_meta.stream_faults(text, integer) to esdb_maintainer;
