-- Writes what _import_heads() found sound: the streams' rows and months, then the events, with new positions in the
-- order of the lines. The streams' rows are locked by the caller; the announcement comes after that and before the first
-- position, as in an append. The rows go in context by context, which spares a fifth: the indexes stay in the cache.
-- Errors: 40001 for a stream that somebody made just now; SE005, SE012, unique_violation.
create or replace function esdb._import_write(
    out event_count bigint,
    out min_position bigint,
    out max_position bigint
)
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _new bigint := (select count(*) from pg_temp.esdb_import_heads as h where h.version_before = 0);
    _made bigint;
    _newest timestamptz := (select max(h.updated_at) from pg_temp.esdb_import_heads as h);
begin
    insert into esdb.streams
        (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at,
         deleted_at)
    select h.aggregate_id, h.aggregate_type, h.bounded_context, h.group_context, h.version, h.month_version,
        h.created_at, h.updated_at, h.deleted_at
    from pg_temp.esdb_import_heads as h
    where h.version_before = 0
    order by h.aggregate_id
    on conflict do nothing;
    get diagnostics _made = row_count;
    if _made <> _new then
        raise exception 'a stream of the import was made by somebody else just now'
            using errcode = 'serialization_failure',
                  detail = format('%s of %s new streams exist', _new - _made, _new),
                  hint = 'Try again.';
    end if;
    update esdb.streams as s
    set version = h.version,
        month_version = coalesce(h.month_version, s.month_version),
        updated_at = h.updated_at,
        deleted_at = h.deleted_at
    from pg_temp.esdb_import_heads as h
    where s.aggregate_id = h.aggregate_id
        and h.version_before > 0
        and h.version > h.version_before;

    if exists (select from pg_temp.esdb_import_heads as h where h.month_version > 1) then
        insert into esdb.stream_months (aggregate_id, month, first_version)
        select m.aggregate_id, m.month, m.first_version
        from (
            select e.aggregate_id, esdb._utc_month(e.timestamp) as month, min(e.version) as first_version
            from pg_temp.esdb_import_events as e
            group by 1, 2
        ) as m
        left join pg_temp.esdb_import_streams as s on s.aggregate_id = m.aggregate_id
        where m.first_version > 1
            and (s.updated_at is null or m.month > s.updated_at);
    end if;

    if _newest >= esdb._newest_month_end() then
        perform esdb._raise_newest_month(_newest);
    end if;
    perform esdb._wake_listeners();
    perform esdb._announce(false);
    with written as (
        insert into esdb.events
            (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
             event_type, schema_version, version, timestamp, occurred_at, payload, metadata, recorded_by)
        select p.*
        from (
            select nextval('esdb.event_position'::regclass) as position, o.*
            from (
                select e.id, e.bounded_context, e.group_context, e.feature_context, e.action_type, e.aggregate_type,
                    e.aggregate_id, e.event_type, e.schema_version, e.version, e.timestamp, e.occurred_at, e.payload,
                    e.metadata, e.recorded_by
                from pg_temp.esdb_import_events as e
                order by e.number
            ) as o
            offset 0
        ) as p
        order by p.bounded_context, p.position
        returning position
    )
    select count(*), min(w.position), max(w.position)
    into event_count, min_position, max_position
    from written as w;
end
$function$;

comment on function esdb._import_write() is 'Writes the streams and events of the staged batch of an import.';

revoke all on function esdb._import_write() from public;
