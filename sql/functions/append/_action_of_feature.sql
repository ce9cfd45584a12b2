-- The action_type of a feature context's events when their append names none. Locks nothing. Errors: SE005.
create or replace function esdb._action_of_feature(
    code text
)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    _action text;
begin
    select f.action_type
    into _action
    from esdb.feature_contexts as f
    where f.code = _action_of_feature.code;
    if _action is null then
        raise exception 'unknown feature context: %', code
            using errcode = 'SE005',
                  detail = format('registered: %s', (
                      select string_agg(f.code, ', ' order by f.code) from esdb.feature_contexts as f)),
                  hint = 'Pass one of the registered codes.';
    end if;
    return _action;
end
$function$;

comment on function esdb._action_of_feature(text) is
    'The default action_type of a feature context. Errors: SE005 when it is not registered.';

revoke all on function esdb._action_of_feature(text) from public;
