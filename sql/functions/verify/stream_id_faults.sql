-- Ids that one stream gave to several of its events: only in different leaves can that be. One row a fault: the first
-- max_count, and in `total` how many there are. Reads the stream's events by the index on (aggregate_id, version), in
-- whichever leaves they are, and no other stream's. Holds the locks of one context's leaves at a time, shared, and none at
-- its end.
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
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
begin
    return query
    select
        'event id',
        e.id,
        'given to more than one event: '
            || string_agg(
                format('%s version %s in %s', stream_id_faults.aggregate_id, e.version, e.leaf::regclass), ', '
                order by e."position", e.leaf),
        count(*) over ()
    from esdb._in_each_context(
        'select e.id, e.version::bigint, e.position, e.tableoid from esdb.%I as e where e.aggregate_id = $1',
        stream_id_faults.aggregate_id
    ) as e (id text, version bigint, "position" bigint, leaf oid)
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
