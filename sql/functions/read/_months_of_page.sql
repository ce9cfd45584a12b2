-- The months (their starts, UTC) that hold a page of a stream's versions, in the order in which they are read, each with
-- the versions of it that belong to the page: max_count of those between from_version and to_version, the lowest or,
-- backward, the highest first.
--
-- Versions have no gaps, and esdb.stream_months knows the first of each month, so a page is known before an event is
-- read. Only where as_of cuts through a month nobody knows how many of its versions come before: backward, they are
-- not counted towards the page, which then may get more months than it needs.
-- With skip_archived, archived months are left out and the page is filled from the months behind. Locks nothing.
create or replace function esdb._months_of_page(
    stream esdb.streams,
    from_version bigint,
    to_version bigint,
    max_count integer default 2147483647,
    backward boolean default false,
    as_of timestamptz default null,
    skip_archived boolean default false
)
returns table (
    month timestamptz,
    first_version bigint,
    last_version bigint,
    is_archived boolean
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _archived_until constant timestamptz := esdb._archived_until();
    _month_of_as_of constant timestamptz := esdb._utc_month(as_of);
begin
    return query
    with entered as (
        select esdb._utc_month(stream.created_at) as month, 1::bigint as first_version
        union all
        select m.month, m.first_version::bigint
        from esdb.stream_months as m
        where m.aggregate_id = stream.aggregate_id
    ),
    held as (
        select
            e.month,
            e.first_version,
            lead(e.first_version, 1, stream.version + 1) over (order by e.first_version) - 1 as last_version
        from entered as e
    ),
    wanted as (
        select
            h.month,
            greatest(h.first_version, _months_of_page.from_version) as first_version,
            least(h.last_version, _months_of_page.to_version) as last_version,
            case
                when h.month >= _archived_until then false
                else exists (
                    select
                    from esdb.archives as a
                    join esdb.seals as p on p.bounded_context = a.bounded_context and p.lower_bound = a.lower_bound
                    where a.bounded_context = stream.bounded_context
                        and a.state <> 'archiving'
                        and p.lower_bound <= h.month
                        and p.upper_bound > h.month
                )
            end as is_archived
        from held as h
        where h.first_version <= _months_of_page.to_version
            and h.last_version >= _months_of_page.from_version
            and coalesce(h.month <= as_of, true)
    ),
    counted as (
        select
            w.*,
            coalesce(
                sum(case when w.month = _month_of_as_of then 0 else w.last_version - w.first_version + 1 end) over (
                    order by case when backward then -w.first_version else w.first_version end
                    rows between unbounded preceding and 1 preceding),
                0)::bigint as versions_before
        from wanted as w
        where not (skip_archived and w.is_archived)
    )
    select
        c.month,
        case
            when backward and c.month is distinct from _month_of_as_of
                then greatest(c.first_version, c.last_version - (max_count - c.versions_before) + 1)
            else c.first_version
        end,
        case
            when backward then c.last_version
            else least(c.last_version, c.first_version + (max_count - c.versions_before) - 1)
        end,
        c.is_archived
    from counted as c
    where c.versions_before < max_count
    order by case when backward then -c.first_version else c.first_version end;
end
$function$;

comment on function esdb._months_of_page(esdb.streams, bigint, bigint, integer, boolean, timestamptz, boolean) is
    'The months (their starts, UTC) to read for a page of a stream''s versions, in order, each with its part of them.';

revoke all on function esdb._months_of_page(esdb.streams, bigint, bigint, integer, boolean, timestamptz, boolean) from public;
