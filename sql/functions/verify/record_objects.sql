-- Records the state of all objects of ours: `esdb migrate` calls it at its end, in the transaction of its last change
-- and under its lock. Replaces esdb_meta.objects as a whole.
create or replace function esdb_meta.record_objects()
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from esdb_meta.objects;
    insert into esdb_meta.objects (kind, name, definition, privileges, server_major)
    select
        installed.kind,
        installed.name,
        installed.definition,
        installed.privileges,
        current_setting('server_version_num')::integer / 10000
    from esdb_meta.installed_objects() as installed;
end
$function$;

comment on function esdb_meta.record_objects() is 'Records the objects as they are now as what they must be.';

revoke all on function esdb_meta.record_objects() from public;
