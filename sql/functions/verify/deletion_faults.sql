-- Streams whose deleted_at does not say what their newest event says: it is the timestamp of that event if that is
-- StreamDeleted of feature d, else null. One row a fault: the first max_count, and in `total` how many there are.
--
-- The StreamDeleted events come from the leaves' index on (event_type, position), one stream's newest event from that on
-- (aggregate_id, version); no other event is read. One statement, so one snapshot: right beside appends, deletes and
-- restores. Holds the locks of one context's leaves at a time, shared, and none at its end.
create or replace function esdb_meta.deletion_faults(
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
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan
as $function$
#variable_conflict use_column
begin
    return query
    with deletions as materialized (
        select e.*
        from esdb._in_each_context(
            'select e.aggregate_id, e.version::bigint, e.timestamp from esdb.%I as e'
            ' where e.event_type = ''StreamDeleted'' and e.feature_context = ''d'''
            || case
                when deletion_faults.aggregate_id is null then ''
                else ' and e.aggregate_id = $1 and e.version = (select s.version from esdb._streams as s where s.aggregate_id = $1)'
            end,
            deletion_faults.aggregate_id
        ) as e (aggregate_id text, version bigint, "timestamp" timestamptz)
    )
    select
        'stream deletion',
        s.aggregate_id,
        case
            when d.aggregate_id is null then
                format('deleted_at is %s, but its newest event, version %s, is no StreamDeleted', s.deleted_at, s.version)
            when s.deleted_at is null then
                format('its newest event, version %s, is StreamDeleted, but deleted_at is not set', s.version)
            else
                format('deleted_at is %s, its StreamDeleted, version %s, is of %s', s.deleted_at, s.version, d."timestamp")
        end,
        count(*) over ()
    from esdb._streams as s
    left join deletions as d on d.aggregate_id = s.aggregate_id and d.version = s.version
    where s.deleted_at is distinct from d."timestamp"
        and (deletion_faults.aggregate_id is null or s.aggregate_id = deletion_faults.aggregate_id)
        and not (
            d.aggregate_id is null
            and exists (
                select
                from esdb.archives as a
                join esdb.seals as sealed on sealed.bounded_context = a.bounded_context and sealed.lower_bound = a.lower_bound
                where a.bounded_context = s.bounded_context
                    and sealed.lower_bound <= s.updated_at and sealed.upper_bound > s.updated_at
            )
        )
    order by s.aggregate_id
    limit deletion_faults.max_count;
end
$function$;

comment on function esdb_meta.deletion_faults(text, integer) is
    'Streams whose deleted_at is not the time of a StreamDeleted as their newest event: the first max_count.';

revoke all on function esdb_meta.deletion_faults(text, integer) from public;
grant execute on function esdb_meta.deletion_faults(text, integer) to esdb_maintainer;
