-- A deleted stream refuses every append with SE002.
select plan(18);

select esdb.append_event('gone', 'Made', '{}', 0, 'n', 'm');
update esdb.streams set deleted_at = '2026-01-02 03:04:05+00' where aggregate_id = 'gone';
set timezone = 'UTC';

select refused(
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
select refused(
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
