-- A call that is refused leaves nothing behind; what a transaction appended is gone with its rollback.
select plan(9);

select esdb.append_event('taken', 'T', '{}', 0, 'n', 'm', id => 'taken');
select refused(
    $$select * from esdb.append_events('s', '[{"event_type": "T", "payload": {}}, {"event_type": "T", "payload": {}, "id": "taken"}]',
        0, 'n', 'm', idempotency_key => 'key')$$,
    'SE007', '%', 'a call whose second event is refused'
);
select is(esdb.stream_version('s'), 0::bigint, 'made no stream');
select is((select count(*) from esdb.events), 1::bigint, 'wrote no event');
select is((select count(*) from esdb.idempotency_keys), 0::bigint, 'and remembered no key');

begin;
select esdb.append_event('s', 'T', '{}', 0, 'n', 'm', idempotency_key => 'key');
select is(esdb.stream_version('s'), 1::bigint, 'a transaction sees what it appended');
rollback;
select is(esdb.stream_version('s'), 0::bigint, 'its rollback takes the stream back');
select is(a.version, 1::bigint, 'and lets the key be used again')
from esdb.append_event('s', 'T', '{}', 0, 'n', 'm', idempotency_key => 'key') as a;

begin;
select esdb.append_event('s', 'T', '{}', 1);
savepoint second;
select esdb.append_event('s', 'T', '{}', 2);
rollback to savepoint second;
select is(a.version, 3::bigint, 'after a savepoint''s rollback the version is free again')
from esdb.append_event('s', 'T', '{}', 2) as a;
commit;
select is((select count(*) from esdb.read_stream('s')), 3::bigint, 'versions have no gap');

select * from finish();
