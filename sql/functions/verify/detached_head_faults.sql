-- Streams whose row has no version and that have no detached head either, and detached heads beside a version, of no stream,
-- or more than one of a stream. One row a fault: the first max_count, and in `total` how many there are. One statement, so
-- one snapshot of the database. Locks nothing.
create or replace function esdb_meta.detached_head_faults(
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
    with heads as (
        select d.aggregate_id, d.version, max(d.version) over (partition by d.aggregate_id) as highest
        from esdb.detached_heads as d
        where detached_head_faults.aggregate_id is null or d.aggregate_id = detached_head_faults.aggregate_id
    ),
    faults as (
        select
            h.aggregate_id,
            h.version,
            case
                when s.aggregate_id is null then format('detached, of version %s, but there is no such stream', h.version)
                when s.version is not null then
                    format('detached, of version %s, but its row has a version, %s', h.version, s.version)
                else format('detached, of version %s, but so is one of version %s', h.version, h.highest)
            end as fault
        from heads as h
        left join esdb.streams as s on s.aggregate_id = h.aggregate_id
        where s.aggregate_id is null or s.version is not null or h.version < h.highest
        union all
        select s.aggregate_id, null, 'its row has no version, and no head is detached from it'
        from esdb.streams as s
        where s.version is null
            and (detached_head_faults.aggregate_id is null or s.aggregate_id = detached_head_faults.aggregate_id)
            and not exists (select from heads as h where h.aggregate_id = s.aggregate_id)
    )
    select 'stream head', f.aggregate_id, f.fault, count(*) over ()
    from faults as f
    order by f.aggregate_id, f.version
    limit detached_head_faults.max_count;
end
$function$;

comment on function esdb_meta.detached_head_faults(text, integer) is
    'Streams that have neither a version nor a detached head, or both, and heads of no stream: the first max_count.';

revoke all on function esdb_meta.detached_head_faults(text, integer) from public;
grant execute on function esdb_meta.detached_head_faults(text, integer) to esdb_maintainer;
