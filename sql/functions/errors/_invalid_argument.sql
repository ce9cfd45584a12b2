-- Raises SE009 for one argument: the one way in which all functions refuse what they were given.
create or replace function esdb._invalid_argument(
    argument text,
    fault text,
    hint text
)
returns void
language plpgsql
volatile
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'invalid argument: %', argument
        using errcode = 'SE009',
              detail = format('%s: %s', argument, fault),
              hint = hint;
end
$function$;

comment on function esdb._invalid_argument(text, text, text) is 'Raises SE009 naming the argument, what is wrong with it and what to do.';

revoke all on function esdb._invalid_argument(text, text, text) from public;
