-- The rows of the view snapshot_statistics. Reads the rows of esdb.snapshots, but not what of their states is stored out of
-- line, and all of esdb.streams. Locks nothing.
create or replace function esdb._snapshot_statistics()
returns table (
    bounded_context text,
    aggregate_type text,
    streams bigint,
    snapshots bigint,
    removable bigint,
    streams_due bigint,
    state_bytes bigint,
    largest_bytes integer,
    oldest timestamptz,
    newest timestamptz
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
with saved as (
    select s.bounded_context::text, s.aggregate_type, count(distinct n.aggregate_id) as streams, count(*) as snapshots,
        count(*) filter (where n.rank > n.kept and n.timestamp < n.until) as removable,
        sum(n.bytes)::bigint as state_bytes, max(n.bytes) as largest_bytes, min(n.timestamp) as oldest,
        max(n.timestamp) as newest
    from (
        select
            x.aggregate_id,
            x.timestamp,
            pg_column_size(x.state) as bytes,
            row_number() over (partition by x.aggregate_id order by x.version desc) as rank,
            settings.kept,
            settings.until
        from esdb.snapshots as x
        cross join (
            select
                esdb._setting('snapshots_kept')::integer as kept,
                clock_timestamp() - least(esdb._setting('snapshot_retention')::interval, interval '1000 years') as until
            offset 0
        ) as settings
    ) as n
    join esdb.streams as s on s.aggregate_id = n.aggregate_id
    group by s.bounded_context, s.aggregate_type
),
due as (
    select d.bounded_context, d.aggregate_type, count(*) as streams
    from esdb._due_snapshots() as d
    group by d.bounded_context, d.aggregate_type
)
select
    bounded_context,
    aggregate_type,
    coalesce(saved.streams, 0),
    coalesce(saved.snapshots, 0),
    coalesce(saved.removable, 0),
    coalesce(due.streams, 0),
    coalesce(saved.state_bytes, 0),
    saved.largest_bytes,
    saved.oldest,
    saved.newest
from saved
full join due using (bounded_context, aggregate_type)
$function$;

comment on function esdb._snapshot_statistics() is 'The rows of the view snapshot_statistics.';

revoke all on function esdb._snapshot_statistics() from public;
-- the view calls it as its reader
grant execute on function esdb._snapshot_statistics() to esdb_reader, esdb_writer, esdb_maintainer;
