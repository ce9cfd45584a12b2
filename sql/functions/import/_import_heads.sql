-- Works out from the staged batch what becomes of each stream's row: esdb_import_events, esdb_import_streams →
-- esdb_import_heads, a row a stream. is_sound: its new events follow each other and what is there without a gap, time
-- does not run backwards, type and context are the stream's own. month_version is null where no month was entered.
-- Locks nothing.
create or replace function esdb._import_heads()
returns void
language sql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
truncate pg_temp.esdb_import_heads;
insert into pg_temp.esdb_import_heads
    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at,
     deleted_at, version_before, known_count, is_sound)
select
    o.aggregate_id,
    max(o.aggregate_type),
    max(o.bounded_context),
    min(o.group_context) filter (where o.version = 1),
    max(o.version) filter (where o.is_new),
    max(o.version) filter (where o.is_new and o.month > o.month_before),
    min(o.timestamp),
    max(o.timestamp) filter (where o.is_new),
    max(o.timestamp) filter (where o.is_new and o.is_deletion and o.version = o.newest),
    max(o.version_stored),
    count(*) filter (where not o.is_new),
    bool_and(not o.is_new or (o.version = o.version_before + 1 and o.timestamp >= o.time_before))
        and min(o.aggregate_type) = max(o.aggregate_type)
        and min(o.bounded_context) = max(o.bounded_context)
        and coalesce(max(o.aggregate_type) = max(o.type_stored), true)
        and coalesce(max(o.bounded_context) = max(o.context_stored), true)
from (
    select
        l.*,
        l.version > l.version_stored as is_new,
        esdb._utc_month(l.timestamp) as month,
        coalesce(esdb._utc_month(nullif(l.time_before, '-infinity')), '-infinity') as month_before
    from (
        select
            e.aggregate_id,
            e.aggregate_type,
            e.bounded_context::text as bounded_context,
            e.group_context::text as group_context,
            e.version::bigint as version,
            e.timestamp,
            e.event_type = 'StreamDeleted' and e.feature_context = 'd' as is_deletion,
            coalesce(s.version, 0)::bigint as version_stored,
            s.aggregate_type as type_stored,
            s.bounded_context::text as context_stored,
            max(e.version::bigint) over (partition by e.aggregate_id) as newest,
            greatest(lag(e.version::bigint) over stream_order, s.version, 0)::bigint as version_before,
            coalesce(greatest(lag(e.timestamp) over stream_order, s.updated_at), '-infinity') as time_before
        from pg_temp.esdb_import_events as e
        left join pg_temp.esdb_import_streams as s on s.aggregate_id = e.aggregate_id
        window stream_order as (partition by e.aggregate_id order by e.number)
    ) as l
) as o
group by o.aggregate_id
$function$;

comment on function esdb._import_heads() is 'Works out what the staged batch of an import makes of each stream''s row.';

revoke all on function esdb._import_heads() from public;
