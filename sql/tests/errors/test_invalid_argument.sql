-- esdb._invalid_argument() raises SE009 that names the argument, its fault and what to do.
select plan(2);

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
    $$select esdb._invalid_argument('max_count', '0', 'Pass a number from 1 on.')$$,
    'SE009', 'max_count: 0', 'DETAIL is argument and fault'
);
select throws_ok(
    $$select esdb._invalid_argument('max_count', '0', 'Pass a number from 1 on.')$$,
    'SE009', 'invalid argument: max_count', 'MESSAGE names the argument'
);

select * from finish();
