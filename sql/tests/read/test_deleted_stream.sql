-- A deleted stream shows only with include_deleted; the feed, get_event and get_stream_info show it always.
select plan(8);

select esdb.append_event('s', 'T', '{}', 0, 'n', 'm', id => 'id');
select count(*) from esdb.append_events('s', '[{"event_type": "T", "payload": {}}]');
update esdb.streams set deleted_at = '2026-01-01 00:00:00+00' where aggregate_id = 's';

select is((select count(*) from esdb.read_stream('s')), 0::bigint, 'read_stream() hides it');
select is((select count(*) from esdb.read_stream('s', include_deleted => true)), 2::bigint, 'include_deleted shows it');
select is((select count(*) from esdb.read_stream('s', backward => true, include_deleted => true)), 2::bigint, 'backward too');
select is((select count(*) from esdb.get_event('id')), 1::bigint, 'get_event() shows its event');
select is((select count(*) from esdb.get_event('id', 's')), 1::bigint, 'by its stream too');
select is(esdb.stream_version('s'), 2::bigint, 'stream_version() is its version');
select is(deleted_at, '2026-01-01 00:00:00+00'::timestamptz, 'get_stream_info() tells when it was deleted')
from esdb.get_stream_info('s');
update esdb.streams set deleted_at = null where aggregate_id = 's';
select is((select count(*) from esdb.read_stream('s', include_deleted => true)), 2::bigint, 'include_deleted shows a living one too');

select * from finish();
