-- Snapshots of a version that their stream has not reached, or of no stream. One row a fault: the first max_count, and
-- in `total` how many there are. One statement, so one snapshot of the database. Locks nothing.
create or replace function esdb_meta.snapshot_faults(
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
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
begin
    return query
    select
        'snapshot',
        p.aggregate_id,
        case
            when s.aggregate_id is null then format('of version %s, but there is no such stream', p.version)
            else format('of version %s, ahead of the stream, which is at version %s', p.version, s.version)
        end,
        count(*) over ()
    from esdb.snapshots as p
    left join esdb._streams as s on s.aggregate_id = p.aggregate_id
    where (p.version <= s.version) is not true
        and (snapshot_faults.aggregate_id is null or p.aggregate_id = snapshot_faults.aggregate_id)
    order by p.aggregate_id, p.version
    limit snapshot_faults.max_count;
end
$function$;

comment on function esdb_meta.snapshot_faults(text, integer) is
    'Snapshots ahead of their stream or without one: the first max_count.';

revoke all on function esdb_meta.snapshot_faults(text, integer) from public;
grant execute on function esdb_meta.snapshot_faults(text, integer) to esdb_maintainer;
