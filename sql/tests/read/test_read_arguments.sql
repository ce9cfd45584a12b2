-- The readers refuse each wrong argument with SE009, naming it.
select plan(12);

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
    format('select * from esdb.read_stream(%s)', bad.arguments), 'SE009', bad.detail, format('read_stream(%s)', bad.arguments)
)
from (
    values
        ('null', 'aggregate_id: null'),
        ('''s'', -1', 'from_version: -1'),
        ('''s'', null', 'from_version: null'),
        ('''s'', to_version => -1', 'to_version: -1'),
        ('''s'', max_count => 0', 'max_count: 0'),
        ('''s'', max_count => -1', 'max_count: -1'),
        ('''s'', max_count => null', 'max_count: null'),
        ('''s'', backward => null', 'backward: null'),
        ('''s'', include_deleted => null', 'include_deleted: null'),
        ('''none'', max_count => 0', 'max_count: 0')
) as bad (arguments, detail);
select pg_temp.refused('select * from esdb.get_event(null)', 'SE009', 'id: null', 'get_event(null)');
select pg_temp.refused($$select * from esdb.get_event(null, 's')$$, 'SE009', 'id: null', 'get_event(null) of a stream');

select * from finish();
