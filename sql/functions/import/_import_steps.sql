-- Takes from the staged events what each means for its stream: esdb_import_events → esdb_import_steps. Returns whether
-- positions ascend with the lines; only then are the steps in the order of the file. Locks nothing.
create or replace function esdb._import_steps()
returns boolean
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    truncate pg_temp.esdb_import_steps;
    insert into pg_temp.esdb_import_steps
        (position, bounded_context, group_context, feature_context, aggregate_type, aggregate_id, event_type, version,
         timestamp)
    select e.position, e.bounded_context, e.group_context, e.feature_context, e.aggregate_type, e.aggregate_id,
        e.event_type, e.version, e.timestamp
    from pg_temp.esdb_import_events as e;
    return not exists (
        select
        from (
            select e.position <= lag(e.position) over (order by e.number) as descends
            from pg_temp.esdb_import_events as e
        ) as o
        where o.descends
    );
end
$function$;

comment on function esdb._import_steps() is
    'Takes from the staged events of an import what each means for its stream; returns whether positions ascend.';

revoke all on function esdb._import_steps() from public;
