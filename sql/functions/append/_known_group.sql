-- The group context's code itself, when it is registered. Locks nothing. Errors: SE005.
create or replace function esdb._known_group(
    code text
)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (select from esdb.group_contexts as g where g.code = _known_group.code) then
        perform esdb._unknown_context(
            'group', code, array(select g.code::text from esdb.group_contexts as g order by g.code));
    end if;
    return code;
end
$function$;

comment on function esdb._known_group(text) is 'The group context''s code, when it is registered. Errors: SE005.';

revoke all on function esdb._known_group(text) from public;
