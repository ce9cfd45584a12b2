-- Whether a text can be read as a timestamptz. The inner block writes nothing, so it costs no transaction id.
create or replace function esdb._is_timestamp(
    value text
)
returns boolean
language plpgsql
stable
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    return value::timestamptz is not null;
exception
    when data_exception then
        return false;
end
$function$;

comment on function esdb._is_timestamp(text) is 'Whether a text can be read as a timestamptz.';

revoke all on function esdb._is_timestamp(text) from public;
