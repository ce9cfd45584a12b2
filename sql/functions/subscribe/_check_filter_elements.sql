-- Refuses a filter of a subscription that has a null in it, which no event passes, or an array in the array: the definition
-- is kept, listed, and compared when it is made again. argument: its name in the caller's signature. Locks nothing.
-- Errors: SE009.
create or replace function esdb._check_filter_elements(
    argument text,
    filter text[]
)
returns void
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if array_ndims(filter) > 1 or exists (select from unnest(filter) as f where f is null) then
        perform esdb._invalid_argument(argument, filter::text, 'Pass a plain array without nulls.');
    end if;
end
$function$;

comment on function esdb._check_filter_elements(text, text[]) is
    'Raises for a filter of a subscription with a null or an array in it. Errors: SE009.';

revoke all on function esdb._check_filter_elements(text, text[]) from public;
