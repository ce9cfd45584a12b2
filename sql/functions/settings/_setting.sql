-- A setting's value as text, its default where none is set; the caller casts it to the setting's type.
create or replace function esdb._setting(
    name text
)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    return (
        select coalesce(s.value, s.default_value)
        from esdb.settings as s
        where s.name = _setting.name
    );
end
$function$;

comment on function esdb._setting(text) is 'A setting''s value as text, or its default.';

revoke all on function esdb._setting(text) from public;
