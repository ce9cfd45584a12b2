-- Fetches the rows of the streams of the staged batch into esdb_import_streams, in the order of their ids and, unless it
-- is a dry run, locked until the transaction ends: from here on no append moves them. A dry run sees its earlier batches.
create or replace function esdb._import_load_streams(
    is_dry_run boolean
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    truncate pg_temp.esdb_import_streams;
    if is_dry_run then
        insert into pg_temp.esdb_import_streams
        select seen.*
        from pg_temp.esdb_import_seen as seen
        where seen.aggregate_id in (select e.aggregate_id from pg_temp.esdb_import_events as e)
        union all
        select s.*
        from esdb._streams as s
        where s.aggregate_id in (select e.aggregate_id from pg_temp.esdb_import_events as e)
            and not exists (select from pg_temp.esdb_import_seen as seen where seen.aggregate_id = s.aggregate_id);
    else
        perform esdb._import_attach_heads(array(select distinct e.aggregate_id from pg_temp.esdb_import_events as e))
        where exists (select from esdb.detached_heads);
        insert into pg_temp.esdb_import_streams
        select s.*
        from (select distinct e.aggregate_id from pg_temp.esdb_import_events as e order by e.aggregate_id) as o
        join esdb.streams as s on s.aggregate_id = o.aggregate_id
        order by s.aggregate_id
        for update of s;
    end if;
end
$function$;

comment on function esdb._import_load_streams(boolean) is
    'Fetches, and locks, the rows of the streams of the staged batch of an import.';

revoke all on function esdb._import_load_streams(boolean) from public;
