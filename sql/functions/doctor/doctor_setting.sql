-- How a setting of the server is changed: by ALTER SYSTEM, one statement a line, which nothing overrides but the options
-- that the server was started with; those a person has to change. Reads the catalog, locks nothing.
create or replace function esdb_meta.doctor_setting(
    name text,
    value text
)
returns table (
    mend text,
    mend_by text
)
language sql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
select
    case
        when setting.source = 'command line' then
            format('start the server with -c %s=%s, or without the option', setting.name, doctor_setting.value)
        else concat_ws(
            chr(10),
            format('alter system set %s = %L;', setting.name, doctor_setting.value),
            case when setting.context = 'postmaster' then '-- then restart the server' else 'select pg_reload_conf();' end)
    end,
    case when setting.source = 'command line' then 'hand' else 'sql' end
from pg_settings as setting
where setting.name = doctor_setting.name
$function$;

comment on function esdb_meta.doctor_setting(text, text) is
    'What changes a setting of the server, for findings of `esdb doctor`.';

revoke all on function esdb_meta.doctor_setting(text, text) from public;
grant execute on function esdb_meta.doctor_setting(text, text) to esdb_maintainer;
