-- A repetition is recognised whatever the session's time zone and style of dates are.
select plan(25);

-- TimeZone and DateStyle that write times with abbreviations, of which some mean another zone when they are read
create function pg_temp.versions(zone text, style text)
returns text
language plpgsql
as $$
declare
    _first bigint;
    _again bigint;
begin
    perform set_config('timezone', zone, true), set_config('datestyle', style, true);
    _first := (esdb.append_event(zone || style, 'A', '{}', 0, 'n', 'm', id => zone || style)).position;
    _again := (esdb.append_event(zone || style, 'A', '{}', id => zone || style)).position;
    return case when _again = _first then 'recognised' else 'appended twice' end;
exception
    when others then
        return sqlstate || ' ' || sqlerrm;
end
$$;

select is(pg_temp.versions(zone.name, style.name), 'recognised', format('%s, %s', zone.name, style.name))
from (
    values
        ('UTC'),
        ('Asia/Kolkata'),
        ('Asia/Shanghai'),
        ('America/Havana'),
        ('Pacific/Kiritimati')
) as zone (name)
cross join (
    values
        ('ISO, MDY'),
        ('SQL, MDY'),
        ('SQL, DMY'),
        ('German'),
        ('Postgres, DMY')
) as style (name);

select * from finish();
