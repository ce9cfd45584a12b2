-- Refuses a name that no optional index has. Locks nothing. Errors: SE009.
create or replace function esdb._check_optional_index(
    name text
)
returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    _known text;
begin
    select string_agg(o.name, ', ' order by o.name)
    into _known
    from esdb._optional_indexes() as o
    having bool_or(o.name = _check_optional_index.name) is not true;
    if _known is not null then
        perform esdb._invalid_argument(
            'name', coalesce(_check_optional_index.name, 'null'), format('Pass one of the optional indexes: %s.', _known));
    end if;
end
$function$;

comment on function esdb._check_optional_index(text) is 'Raises SE009 for a name that no optional index has.';

revoke all on function esdb._check_optional_index(text) from public;
