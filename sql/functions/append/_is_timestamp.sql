-- Whether a text is a time that every client can read: ISO 8601, of the years 1 to 9999. The inner block writes nothing,
-- so it costs no transaction id.
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
    return value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}'
        and value::timestamptz >= '0001-01-01 00:00:00+00'
        and value::timestamptz < '10000-01-01 00:00:00+00';
exception
    when data_exception then
        return false;
end
$function$;

comment on function esdb._is_timestamp(text) is 'Whether a text is a time as ISO 8601, of the years 1 to 9999.';

revoke all on function esdb._is_timestamp(text) from public;
