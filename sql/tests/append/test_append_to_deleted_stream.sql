-- A deleted stream refuses every append with SE002.
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

select esdb.append_event('gone', 'Made', '{}', 0, 'n', 'm');
update esdb.streams set deleted_at = '2026-01-02 03:04:05+00' where aggregate_id = 'gone';
set timezone = 'UTC';

select pg_temp.refused(
    format($$select esdb.append_event('gone', 'Changed', '{}', %s)$$, case_.arguments),
    'SE002', 'deleted at 2026-01-02 03:04:05+00, version 1', format('append_event with %s', case_.arguments)
)
from (
    values
        ('null'),
        ('0'),
        ('1'),
        ('7'),
        ('-1'),
        ('null, ''b'''),
        ('null, id => ''unknown'''),
        ('1, id => ''unknown'''),
        ('null, idempotency_key => ''unknown''')
) as case_ (arguments);
select pg_temp.refused(
    format($$select * from esdb.append_events('gone', '[{"event_type": "Changed", "payload": {}}]', %s)$$, case_.arguments),
    'SE002', 'deleted at 2026-01-02 03:04:05+00, version 1', format('append_events with %s', case_.arguments)
)
from (
    values
        ('null'),
        ('0'),
        ('1'),
        ('7'),
        ('-1'),
        ('null, ''b'''),
        ('null, idempotency_key => ''unknown''')
) as case_ (arguments);
select throws_ok(
    $$select esdb.append_event('gone', 'Changed', '{}')$$, 'SE002', 'stream is deleted: gone', 'MESSAGE names the stream'
);
select is(esdb.stream_version('gone'), 1::bigint, 'the stream stands where it stood');

select * from finish();
