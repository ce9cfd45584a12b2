-- Reads an age as an interval. A number without a unit, which PostgreSQL would take for seconds, is refused: what is
-- asked for here takes months out of the database. Locks nothing. Errors: SE009.
create or replace function esdb._check_age(
    argument text,
    age text
)
returns interval
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
set intervalstyle = postgres
as $function$
declare
    _age interval;
begin
    if age is null then
        return null;
    end if;
    if age !~ '[[:alpha:]]' then
        perform esdb._invalid_argument(
            argument, format('%s has no unit', quote_literal(age)), 'Give each number its unit: 2 years, 90 days.');
    end if;
    begin
        _age := age::interval;
    exception
        when data_exception then
            _age := null;
    end;
    if (_age between interval '0' and interval '1000 years') is not true then
        perform esdb._invalid_argument(
            argument, format('%s is no age up to 1000 years', quote_literal(age)), 'Pass a span of time: 2 years, 90 days.');
    end if;
    return _age;
end
$function$;

comment on function esdb._check_age(text, text) is 'An age given as text, as an interval; null for null. Errors: SE009.';

revoke all on function esdb._check_age(text, text) from public;
