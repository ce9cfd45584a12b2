-- How large the streams are, and which are being appended to: see esdb._recent_appends().
create or replace view esdb.stream_statistics as
select
    s.aggregate_id,
    s.aggregate_type,
    s.bounded_context::text as bounded_context,
    s.group_context::text as group_context,
    s.version::bigint as event_count,
    s.created_at,
    s.updated_at,
    s.deleted_at,
    recent.event_count as recent_events,
    recent.per_second as recent_per_second
from esdb._streams as s
left join esdb._recent_appends() as recent on recent.aggregate_id = s.aggregate_id;

comment on view esdb.stream_statistics is
    'One row a stream. event_count: how many events it has, archived ones included; recent_events: how many of the store''s newest 10,000 events are its, as far as they are of the last hour (null: none), and recent_per_second how fast they came. The largest: order by event_count desc limit 10; the hottest: where recent_events > 0 order by recent_events desc limit 10. A query reads all of esdb.streams, half a second a million, unless it asks for recent_events > 0 or for an aggregate_id, and the newest 10,000 events, 20 ms. Worry about a stream of many thousand events that is loaded without snapshots (esdb.snapshots_due), and from some hundred events a second on: the writers of one stream queue.';

revoke all on esdb.stream_statistics from public;
grant select on esdb.stream_statistics to esdb_reader, esdb_writer, esdb_maintainer;
