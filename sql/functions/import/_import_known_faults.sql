-- Compares the staged events whose versions their streams have already with those events: esdb_import_faults gets what
-- is not the same in everything but its position. Each month is read apart, with its bounds at hand.
-- Locks the leaves read, shared, until the transaction ends. Errors: SE013.
create or replace function esdb._import_known_faults()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    _month record;
begin
    for _month in
        select e.bounded_context::text as code, esdb._utc_month(e.timestamp) as start
        from pg_temp.esdb_import_events as e
        join pg_temp.esdb_import_streams as s on s.aggregate_id = e.aggregate_id and e.version <= s.version
        group by 1, 2
        order by 1, 2
    loop
        if _month.start < esdb._archived_until() then
            perform esdb._check_archived(_month.code, _month.start, esdb._utc_month(_month.start, 1) - interval '1 microsecond');
        end if;
        execute format(
            'insert into pg_temp.esdb_import_faults (number, fault)'
            ' select x.number, format($1, x.aggregate_id, x.version)'
            ' from pg_temp.esdb_import_events as x'
            ' join pg_temp.esdb_import_streams as s on s.aggregate_id = x.aggregate_id and x.version <= s.version'
            ' left join esdb.events as e on e.aggregate_id = x.aggregate_id and e.version = x.version'
            ' and e.bounded_context = %1$L and e.timestamp >= %2$L and e.timestamp < %3$L'
            ' where x.bounded_context = %1$L and x.timestamp >= %2$L and x.timestamp < %3$L'
            ' and not exists (select from pg_temp.esdb_import_seen as seen where seen.aggregate_id = x.aggregate_id'
            ' and x.version > coalesce((select o.version from esdb._streams as o where o.aggregate_id = x.aggregate_id), 0))'
            ' and row(e.id, e.group_context, e.feature_context, e.action_type, e.aggregate_type, e.event_type,'
            ' e.schema_version, e.timestamp, e.occurred_at, e.payload, e.metadata, e.recorded_by)'
            ' is distinct from'
            ' row(x.id, x.group_context, x.feature_context, x.action_type, x.aggregate_type, x.event_type,'
            ' x.schema_version, x.timestamp, x.occurred_at, x.payload, x.metadata, x.recorded_by)',
            _month.code, _month.start, esdb._utc_month(_month.start, 1))
            using 'stream %s has another event as its version %s';
    end loop;
end
$function$;

comment on function esdb._import_known_faults() is
    'Names the lines of the staged batch of an import whose version is there already as another event. Errors: SE013.';

revoke all on function esdb._import_known_faults() from public;
