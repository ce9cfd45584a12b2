-- esdb.new_ulid() refuses a time that a ULID cannot hold.
select plan(8);

select refused(
    format('select esdb.new_ulid(%L)', bad.at), 'SE009', 'at: outside the years 1970 to 10889',
    format('refused: %s', coalesce(bad.at, 'null'))
)
from (
    values
        (null),
        ('1969-12-31 23:59:59.999999+00'),
        ('10889-08-02 05:31:50.656+00'),
        ('infinity'),
        ('-infinity'),
        ('4713-01-01 00:00:00+00 BC')
) as bad (at);

select lives_ok($$select esdb.new_ulid('1970-01-01 00:00:00+00')$$, 'the first time is taken');
select lives_ok($$select esdb.new_ulid('10889-08-02 05:31:50.655+00')$$, 'the last time is taken');

select * from finish();
