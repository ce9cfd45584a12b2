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
    select
        'stream head',
        coalesce(s.aggregate_id, h.aggregate_id),
        case
            when s.aggregate_id is null then format('detached, of version %s, but there is no such stream', h.version)
            when h.aggregate_id is null then 'its row has no version, and no head is detached from it'
            when s.version is not null then
                format('detached, of version %s, but its row has a version, %s', h.version, s.version)
            else format('detached, of version %s, but so is one of version %s', h.version, h.highest)
        end,
        count(*) over ()
    from esdb.streams as s
    full join (
        select d.aggregate_id, d.version, max(d.version) over (partition by d.aggregate_id) as highest
        from esdb.detached_heads as d
    ) as h on h.aggregate_id = s.aggregate_id
    where (s.aggregate_id is null or (s.version is null) <> (h.version is not null) or h.version < h.highest)
        and (
            detached_head_faults.aggregate_id is null
            or coalesce(s.aggregate_id, h.aggregate_id) = detached_head_faults.aggregate_id
        )
    order by 2, h.version
    limit detached_head_faults.max_count;
end
$function$;

comment on function esdb_meta.detached_head_faults(text, integer) is
    'Streams that have neither a version nor a detached head, or both, and heads of no stream: the first max_count.';

revoke all on function esdb_meta.detached_head_faults(text, integer) from public;
grant execute on function esdb_meta.detached_head_faults(text, integer) to esdb_maintainer;
