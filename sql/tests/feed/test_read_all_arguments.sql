-- read_all() refuses each wrong argument, a cursor beyond the store's end and a context it does not know.
select plan(18);

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

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm');

select pg_temp.refused(
    format('select * from esdb.read_all(%s)', bad.arguments), bad.code, bad.detail, format('read_all(%s)', bad.arguments)
)
from (
    values
        ('-1', 'SE009', 'after_position: -1'),
        ('null', 'SE009', 'after_position: null'),
        ('0, 0', 'SE009', 'max_count: 0'),
        ('0, -1', 'SE009', 'max_count: -1'),
        ('0, null', 'SE009', 'max_count: null'),
        ('backward => null', 'SE009', 'backward: null'),
        ('up_to_position => -1', 'SE009', 'up_to_position: -1'),
        ('1, 0', 'SE009', 'max_count: 0'),
        ('2', 'SE022', 'after_position is 2, the store''s last position is 1'),
        ('9223372036854775807', 'SE022', '%the store''s last position is 1'),
        ('2, backward => true', 'SE022', '%'),
        ('2, bounded_contexts => array[''n'']', 'SE022', '%'),
        ('bounded_contexts => array[''x'']', 'SE005', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_contexts => array[''n'', ''note'']', 'SE005', 'registered: b, c, e, n, nt, p, r, s, t'),
        ('bounded_contexts => array[null]', 'SE005', 'registered: %'),
        ('1, bounded_contexts => array[''x'']', 'SE005', 'registered: %')
) as bad (arguments, code, detail);

select lives_ok('select * from esdb.read_all(1)', 'the last position is a cursor');
select lives_ok('select * from esdb.read_all(0, up_to_position => 99)', 'up_to_position may lie beyond the end');

select * from finish();
