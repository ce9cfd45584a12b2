-- esdb.new_ulid() refuses a time that a ULID cannot hold.
select plan(8);

-- Asserts that a statement is refused: with this code, a DETAIL like this, and a MESSAGE and HINT that say something.
create function pg_temp.refused(
    statement text,
    code text,
    detail text,
    description text
)
returns text
language plpgsql
as $$
declare
    _code text := 'no error';
    _message text;
    _detail text;
    _hint text;
begin
    begin
        execute statement;
    exception
        when others then
            get stacked diagnostics
                _code = returned_sqlstate,
                _message = message_text,
                _detail = pg_exception_detail,
                _hint = pg_exception_hint;
    end;
    return is(
        format('%s %s', _code, case when _detail like refused.detail then refused.detail else _detail end)
            || case when _message = '' then ' without message' when _hint = '' then ' without hint' else '' end,
        format('%s %s', refused.code, refused.detail),
        description);
end
$$;

select pg_temp.refused(
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
