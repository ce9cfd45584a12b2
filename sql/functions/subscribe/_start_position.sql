-- The position behind which a subscription begins: -1 means the mark of now. argument: its name in the caller's signature.
-- Errors: SE009, SE011, SE022.
create or replace function esdb._start_position(
    argument text,
    value bigint
)
returns bigint
language plpgsql
volatile
parallel unsafe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (value >= -1) is not true then
        perform esdb._invalid_argument(
            argument, coalesce(value::text, 'null'), 'Pass a position, 0 for the beginning, or -1 for now.');
    end if;
    if value = -1 then
        return esdb.high_water_mark();
    end if;
    perform esdb._check_position(value);
    return value;
end
$function$;

comment on function esdb._start_position(text, bigint) is
    'The position behind which a subscription begins. Errors: SE009, SE011, SE022.';

revoke all on function esdb._start_position(text, bigint) from public;
