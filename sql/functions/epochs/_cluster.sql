-- The system identifier of the server's cluster: initdb makes a new one, so that of pg_upgrade does, too. Null where the
-- provider of a managed server lets nobody ask. Locks nothing.
create or replace function esdb._cluster()
returns bigint
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
begin
    if has_function_privilege('pg_catalog.pg_control_system()', 'execute') then
        return (select s.system_identifier from pg_control_system() as s);
    end if;
    return null;
end
$function$;

comment on function esdb._cluster() is 'The system identifier of the server''s cluster; null where it may not be asked for.';

revoke all on function esdb._cluster() from public;
