-- Every setting with the value in force, the value of the installation where it has one, and what the setting allows.
-- Locks nothing.
create or replace function esdb.list_settings()
returns table (
    name text,
    value text,
    default_value text,
    value_type text,
    minimum text,
    maximum text,
    is_changed boolean,
    meaning text
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $function$
select
    s.name,
    coalesce(s.value, s.default_value),
    s.default_value,
    s.value_type,
    s.minimum,
    s.maximum,
    s.value is not null,
    s.meaning
from esdb.settings as s
order by s.name
$function$;

comment on function esdb.list_settings() is
    'The store''s settings: the value in force, the default, type and bounds, whether the installation has set it, and what it means.';

revoke all on function esdb.list_settings() from public;
grant execute on function esdb.list_settings() to esdb_reader, esdb_writer, esdb_maintainer;
