-- The months (their starts, UTC) that hold versions from … to of a stream. Reads esdb.stream_months; locks nothing.
create or replace function esdb._stream_months(
    stream esdb.streams,
    from_version bigint,
    to_version bigint
)
returns timestamptz[]
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
with entered as (
    select esdb._utc_month(stream.created_at) as month, 1 as first_version
    union all
    select m.month, m.first_version
    from esdb.stream_months as m
    where m.aggregate_id = stream.aggregate_id
),
held as (
    select
        e.month,
        e.first_version,
        lead(e.first_version) over (order by e.first_version) - 1 as last_version
    from entered as e
)
select array_agg(h.month order by h.month)
from held as h
where h.first_version <= to_version and coalesce(h.last_version >= from_version, true)
$function$;

comment on function esdb._stream_months(esdb.streams, bigint, bigint) is
    'The starts (UTC) of the months that hold a range of a stream''s versions.';

revoke all on function esdb._stream_months(esdb.streams, bigint, bigint) from public;
