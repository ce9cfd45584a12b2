-- esdb._utc_month() and esdb._partition_name() reckon in UTC, whatever the session's time zone.
select plan(16);

select is(esdb._utc_month(m.at, m.months), m.wanted, format('%s %s months', m.at, m.months))
from (
    values
        ('2026-11-15 12:00:00+00'::timestamptz, 0, '2026-11-01 00:00:00+00'::timestamptz),
        ('2026-11-01 00:00:00+00', 0, '2026-11-01 00:00:00+00'),
        ('2026-11-30 23:59:59.999999+00', 0, '2026-11-01 00:00:00+00'),
        ('2026-11-30 23:59:59.999999+00', 1, '2026-12-01 00:00:00+00'),
        ('2026-12-31 23:00:00+00', 1, '2027-01-01 00:00:00+00'),
        ('2026-01-31 00:00:00+00', -1, '2025-12-01 00:00:00+00'),
        ('2026-01-31 00:00:00+00', 1, '2026-02-01 00:00:00+00'),
        ('2026-11-01 05:00:00+14', 0, '2026-10-01 00:00:00+00'),
        ('2026-10-31 20:00:00-11', 0, '2026-11-01 00:00:00+00')
) as m (at, months, wanted);
select is(esdb._utc_month(null), null, 'null has no month');

set timezone = 'Pacific/Kiritimati';
select is(esdb._utc_month('2026-11-30 23:59:59+00'), '2026-11-01 00:00:00+00'::timestamptz, 'the same east of the date line');
select is(
    esdb._partition_name('note', '2026-11-01 00:00:00+00', '2026-12-01 00:00:00+00'), 'events_note_y2026m11', 'the name of a month'
);
set timezone = 'Pacific/Pago_Pago';
select is(esdb._utc_month('2026-11-01 00:00:00+00'), '2026-11-01 00:00:00+00'::timestamptz, 'and west of it');
select is(
    esdb._partition_name('note', '2026-11-01 00:00:00+00', '2026-12-01 00:00:00+00'), 'events_note_y2026m11', 'the same name there'
);
select is(
    esdb._partition_name('note', '2026-11-01 00:00:00+00', '2027-02-01 00:00:00+00'), 'events_note_y2026m11_y2027m01',
    'a span has its first and last month'
);

create function pg_temp.is_name(name text)
returns boolean
language plpgsql
as $$
begin
    update esdb.bounded_contexts as c set name = is_name.name where c.code = 'e';
    return true;
exception
    when check_violation then
        return false;
end
$$;
select cmp_ok(
    max(length(esdb._partition_name(repeat('a', n), '2026-11-01 00:00:00+00', '2027-02-01 00:00:00+00') || '_event_type')),
    '<=', 63, 'with the longest name of a context the longest name of an index is not cut off'
)
from generate_series(2, 40) as n
where pg_temp.is_name(repeat('a', n));

select * from finish();
