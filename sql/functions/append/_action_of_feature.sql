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
        perform esdb._unknown_context(
            'feature', code, array(select f.code::text from esdb.feature_contexts as f order by f.code));
    end if;
    return _action;
end
$function$;

comment on function esdb._action_of_feature(text) is
    'The default action_type of a feature context. Errors: SE005 when it is not registered.';

revoke all on function esdb._action_of_feature(text) from public;
