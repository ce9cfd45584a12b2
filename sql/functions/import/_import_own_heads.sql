-- Works out from the staged batch alone what it makes of each stream's row: esdb_import_steps → esdb_import_heads, a row
-- a stream, as if the stream stood just before its first event here; whether it does is asked by _import_stand(). Returns
-- whether the batch is plain: each stream's events follow each other, time does not run backwards and is of the past
-- since 1970, type and context are one. Locks nothing, so the next batch is worked out while this one is written.
create or replace function esdb._import_own_heads()
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- as in _import_stage()
    _time_limit constant timestamptz := clock_timestamp() + interval '1 day';
    _earliest timestamptz;
    _latest timestamptz;
    _one_month boolean;
begin
    select min(e.timestamp), max(e.timestamp) into _earliest, _latest
    from pg_temp.esdb_import_steps as e;
    _one_month := esdb._utc_month(_earliest) = esdb._utc_month(_latest);
    truncate pg_temp.esdb_import_heads;
    insert into pg_temp.esdb_import_heads
        (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at,
         deleted_at, version_before, known_count, is_sound)
    select
        o.aggregate_id,
        max(o.aggregate_type),
        max(o.bounded_context),
        min(o.group_context) filter (where o.version = 1),
        max(o.version),
        max(o.version) filter (where not _one_month and esdb._utc_month(o.timestamp) > esdb._utc_month(o.time_before)),
        min(o.timestamp),
        max(o.timestamp),
        case when max(o.version) filter (where o.is_deletion) = max(o.version) then max(o.timestamp) end,
        min(o.version) - 1,
        0,
        coalesce(bool_and(o.version = o.version_before + 1 and o.timestamp >= o.time_before), true)
            and min(o.aggregate_type) = max(o.aggregate_type)
            and min(o.bounded_context) = max(o.bounded_context)
    from (
        select
            e.aggregate_id,
            e.aggregate_type,
            e.bounded_context,
            e.group_context,
            e.version,
            e.timestamp,
            e.event_type = 'StreamDeleted' and e.feature_context = 'd' as is_deletion,
            lag(e.version) over stream_order as version_before,
            lag(e.timestamp) over stream_order as time_before
        from pg_temp.esdb_import_steps as e
        window stream_order as (partition by e.aggregate_id order by e.position)
    ) as o
    group by o.aggregate_id;
    return _earliest >= '1970-01-01 00:00:00+00'
        and _latest <= _time_limit
        and not exists (select from pg_temp.esdb_import_heads as h where not h.is_sound);
end
$function$;

comment on function esdb._import_own_heads() is
    'Works out what the staged batch of an import makes of each stream''s row, if that stands just before; returns whether it is plain.';

revoke all on function esdb._import_own_heads() from public;
