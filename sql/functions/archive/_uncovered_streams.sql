-- How many living streams have events between two times and after them, and no snapshot of a version from the last of
-- those on: while these events are in an archive, load_aggregate() raises SE013 for each. Reads the streams of the
-- context from end to end. Locks nothing.
create or replace function esdb._uncovered_streams(
    bounded_context text,
    lower_bound timestamptz,
    upper_bound timestamptz
)
returns bigint
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
select count(*)
from esdb._streams as s
join lateral (
    select m.first_version - 1 as last_version
    from esdb.stream_months as m
    where m.aggregate_id = s.aggregate_id and m.month >= _uncovered_streams.upper_bound
    order by m.month
    limit 1
) as within on true
where s.bounded_context = _uncovered_streams.bounded_context
    and s.created_at < _uncovered_streams.upper_bound
    and s.updated_at >= _uncovered_streams.upper_bound
    and s.deleted_at is null
    and (
        s.created_at >= _uncovered_streams.lower_bound
        or exists (
            select
            from esdb.stream_months as m
            where m.aggregate_id = s.aggregate_id
                and m.month >= _uncovered_streams.lower_bound
                and m.month < _uncovered_streams.upper_bound
        )
    )
    and not exists (
        select from esdb.snapshots as n where n.aggregate_id = s.aggregate_id and n.version >= within.last_version
    )
$function$;

comment on function esdb._uncovered_streams(text, timestamptz, timestamptz) is
    'How many living streams go on after events between two times without a snapshot that covers them.';

revoke all on function esdb._uncovered_streams(text, timestamptz, timestamptz) from public;
