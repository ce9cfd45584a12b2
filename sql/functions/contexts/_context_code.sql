-- The code of a registered context that is given by its code or by its name. Locks nothing. Errors: SE005, SE009.
create or replace function esdb._context_code(
    kind text,
    code_or_name text
)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _code text;
begin
    if code_or_name is null then
        perform esdb._invalid_argument(
            _context_code.kind || '_context', 'null', 'Pass the code or the name of a registered context.');
    end if;
    select c.code
    into _code
    from esdb.contexts as c
    where c.kind = _context_code.kind and _context_code.code_or_name in (c.code, c.name)
    -- of a store whose names were given by hand: a code comes before another's name
    order by c.code <> _context_code.code_or_name
    limit 1;
    if _code is null then
        perform esdb._unknown_context(
            _context_code.kind, code_or_name,
            array(select c.code from esdb.contexts as c where c.kind = _context_code.kind order by c.code));
    end if;
    return _code;
end
$function$;

comment on function esdb._context_code(text, text) is
    'The code of a context (kind bounded, group or feature) given by code or name. Errors: SE005, SE009.';

revoke all on function esdb._context_code(text, text) from public;
