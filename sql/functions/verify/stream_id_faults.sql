-- Ids that one stream gave to several of its events: only in different leaves can that be. One row a fault: the first
-- max_count, and in `total` how many there are. Reads the stream's events by the index on (aggregate_id, version), in
-- whichever leaves they are, and no other stream's. Locks every leaf in ACCESS SHARE until the transaction's end.
create or replace function esdb_meta.stream_id_faults(
    aggregate_id text,
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
        'event id',
        e.id,
        'given to more than one event: '
            || string_agg(
                format('%s version %s in %s', e.aggregate_id, e.version, e.tableoid::regclass), ', '
                order by e."position", e.tableoid),
        count(*) over ()
    from esdb.events as e
    where e.aggregate_id = stream_id_faults.aggregate_id
    group by e.id
    having count(*) > 1
    order by e.id
    limit stream_id_faults.max_count;
end
$function$;

comment on function esdb_meta.stream_id_faults(text, integer) is
    'Ids that a stream''s own events share: the first max_count.';

revoke all on function esdb_meta.stream_id_faults(text, integer) from public;
grant execute on function esdb_meta.stream_id_faults(text, integer) to esdb_maintainer;
