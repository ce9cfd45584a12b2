-- Refuses a context that cannot be added: kind, code and name are well formed, and none of them stands for another
-- context already. Code and name of a kind are never confused, so that commands may take either.
--
-- The name of a bounded context is part of its partitions' names: it must not look like another one's. Postgres keeps
-- tables and indexes in one space of names, so events_order_overflow_pkey is taken as soon as there is an `order`.
-- A registered context passes, if name and action_type are its own. Locks nothing. Errors: SE009.
create or replace function esdb._check_new_context(
    kind text,
    code text,
    name text,
    action_type text
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _longest integer;
    _other record;
begin
    if (_check_new_context.kind in ('bounded', 'group', 'feature')) is not true then
        perform esdb._invalid_argument(
            'kind', coalesce(quote_literal(_check_new_context.kind), 'null'), 'Pass bounded, group or feature.');
    end if;
    _longest := case _check_new_context.kind when 'bounded' then 2 else 1 end;
    if (_check_new_context.code ~ format('^[a-z0-9]{1,%s}$', _longest)) is not true then
        perform esdb._invalid_argument(
            'code', format('%s is no code', coalesce(quote_literal(_check_new_context.code), 'null')),
            case _longest
                when 2 then 'Pass one or two characters out of a to z and 0 to 9.'
                else 'Pass one character out of a to z and 0 to 9.'
            end);
    end if;
    if (_check_new_context.name ~ '^[a-z][a-z0-9_]{0,26}$') is not true then
        perform esdb._invalid_argument(
            'name', format('%s is no name', coalesce(quote_literal(_check_new_context.name), 'null')),
            'Pass a letter from a to z, then up to 26 out of a to z, 0 to 9 and underscore.');
    end if;
    if _check_new_context.kind = 'feature' then
        if length(_check_new_context.action_type) not between 1 and 10 then
            perform esdb._invalid_argument(
                'action_type', format('%s characters', length(_check_new_context.action_type)),
                'Pass 1 to 10 characters, or none for the name itself.');
        end if;
        if _check_new_context.action_type is null and length(_check_new_context.name) > 10 then
            perform esdb._invalid_argument(
                'action_type', format('null, and the name has %s characters', length(_check_new_context.name)),
                'A name of up to 10 characters is the default; pass 1 to 10 characters.');
        end if;
    elsif _check_new_context.action_type is not null then
        perform esdb._invalid_argument(
            'action_type', format('a %s context has none', _check_new_context.kind),
            'Leave it out: only a feature context has one.');
    end if;

    select c.code, c.name, c.action_type
    into _other
    from esdb.contexts as c
    where c.kind = _check_new_context.kind
        and _check_new_context.name <> c.name
        and _check_new_context.code = c.code;
    if found then
        perform esdb._invalid_argument(
            'code', format('%s is the %s context %s', _other.code, _check_new_context.kind, _other.name),
            'Choose another code: a registered context keeps its name.');
    end if;
    select c.code, c.name, c.action_type
    into _other
    from esdb.contexts as c
    where c.kind = _check_new_context.kind
        and c.code <> _check_new_context.code
        and (c.name in (_check_new_context.name, _check_new_context.code) or c.code = _check_new_context.name);
    if found then
        perform esdb._invalid_argument(
            case when _other.name = _check_new_context.code then 'code' else 'name' end,
            format('taken by the %s context %s (%s)', _check_new_context.kind, _other.code, _other.name),
            'Choose another one: codes and names of a kind must not be confused.');
    end if;
    select c.code, c.action_type
    into _other
    from esdb.contexts as c
    where c.kind = _check_new_context.kind and c.code = _check_new_context.code;
    if found then
        if _other.action_type <> _check_new_context.action_type then
            perform esdb._invalid_argument(
                'action_type', format('%s is registered with %s', _other.code, _other.action_type),
                'Leave it out: a registered context keeps its action type.');
        end if;
        return;
    end if;

    if _check_new_context.kind = 'bounded' then
        if _check_new_context.name ~ '_(overflow|y[0-9]+m[0-9]+)(_|$)' then
            perform esdb._invalid_argument(
                'name', format('%s looks like the name of a partition', _check_new_context.name),
                'Choose a name without _overflow and without a month such as _y2026m11.');
        end if;
        if to_regclass(format('esdb.%I', 'events_' || _check_new_context.name)) is not null then
            perform esdb._invalid_argument(
                'name', format('the relation esdb.events_%s is there already', _check_new_context.name),
                'Choose another name, or find out what that relation is: `esdb verify` may tell.');
        end if;
    end if;
end
$function$;

comment on function esdb._check_new_context(text, text, text, text) is
    'Raises SE009 for a context that cannot be added; one that is registered just so passes.';

revoke all on function esdb._check_new_context(text, text, text, text) from public;
