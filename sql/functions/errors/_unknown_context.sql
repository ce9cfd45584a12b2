-- Raises SE005 for a code that is not registered: kind is bounded, group or feature; registered the codes that are.
create or replace function esdb._unknown_context(
    kind text,
    code text,
    registered text[]
)
returns void
language plpgsql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'unknown % context: %', kind, code
        using errcode = 'SE005',
              detail = format('registered: %s', array_to_string(registered, ', ')),
              hint = 'Pass one of the registered codes.';
end
$function$;

comment on function esdb._unknown_context(text, text, text[]) is
    'Raises SE005 for a context code that is not registered.';

revoke all on function esdb._unknown_context(text, text, text[]) from public;
