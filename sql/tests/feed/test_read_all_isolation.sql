-- The feed and its mark refuse a transaction whose snapshot is older than the mark.
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

begin isolation level repeatable read;
select pg_temp.refused(refused.statement, 'SE011', '%snapshot%', format('REPEATABLE READ: %s', refused.statement))
from (
    values
        ('select * from esdb.read_all()'),
        ('select * from esdb.read_all(1)'),
        ('select * from esdb.read_all(0, 10, array[''n''])'),
        ('select esdb.high_water_mark()')
) as refused (statement);
rollback;
begin isolation level serializable;
select pg_temp.refused(refused.statement, 'SE011', '%snapshot%', format('SERIALIZABLE: %s', refused.statement))
from (
    values
        ('select * from esdb.read_all()'),
        ('select * from esdb.read_all(1)'),
        ('select esdb.high_water_mark()')
) as refused (statement);
rollback;
begin isolation level read committed;
select lives_ok('select * from esdb.read_all()', 'READ COMMITTED is what it needs');
select lives_ok('select esdb.high_water_mark()', 'for the mark too');
rollback;
begin isolation level read uncommitted;
select lives_ok('select * from esdb.read_all()', 'READ UNCOMMITTED is the same in PostgreSQL');
rollback;
begin isolation level serializable;
select lives_ok($$select esdb.append_event('s', 'T', '{}')$$, 'an append is taken under SERIALIZABLE');
rollback;

select is(esdb.stream_version('s'), 1::bigint, 'which was rolled back here');

select * from finish();
