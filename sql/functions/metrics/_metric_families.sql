-- What esdb.metrics measures: every metric with its kind and its meaning, whether there is a sample of it now or not.
-- Names and units follow OpenMetrics: a counter ends in _total. Locks nothing.
create or replace function esdb._metric_families()
returns table (
    metric text,
    kind text,
    meaning text
)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
values
    ('esdb_positions_total', 'counter',
        'Positions drawn, the store-wide order: its rate is that of appends. On a standby up to 32 too high.'),
    ('esdb_partition_appends_total', 'counter',
        'Rows appended to a partition that is not sealed, since the server''s statistics began; rolled back ones count.'),
    ('esdb_call_count_total', 'counter',
        'Calls of a function of the store, by pg_stat_statements: one series a role and a statement''s text.'),
    ('esdb_call_seconds_total', 'counter', 'What these calls took in all: divided by their number, the mean latency.'),
    ('esdb_events', 'gauge', 'Events, archived ones too: of sealed partitions counted, of the others estimated.'),
    ('esdb_streams', 'gauge', 'Streams, estimated.'),
    ('esdb_snapshots', 'gauge', 'Snapshots, estimated.'),
    ('esdb_idempotency_keys', 'gauge', 'Idempotency keys, estimated: they grow for ever where esdb maintain does not run.'),
    ('esdb_size_bytes', 'gauge', 'Bytes of a table (of the events: of a context''s partitions), its indexes and its toast.'),
    ('esdb_partitions_ahead', 'gauge', 'Whole months made after the current one.'),
    ('esdb_partitions_wanted', 'gauge', 'Whole months that shall be made after the current one: the setting partitions_ahead.'),
    ('esdb_partition_faults', 'gauge', 'What is wrong with a context''s partitions: as many as esdb.partition_status has reasons.'),
    ('esdb_overflow_events', 'gauge', 'Events in the overflow partition, estimated: 0 unless months were missing.'),
    ('esdb_seals_due', 'gauge', 'Partitions that are over and not sealed.'),
    ('esdb_last_seal_timestamp_seconds', 'gauge', 'When a partition was last sealed.'),
    ('esdb_last_refresh_timestamp_seconds', 'gauge', 'When the statistics were last refreshed.'),
    ('esdb_feed_position', 'gauge', 'The high-water mark: up to where consumers can read.'),
    ('esdb_feed_behind_events', 'gauge', 'Positions behind the mark: so many events are drawn, and not to be read yet.'),
    ('esdb_feed_behind_seconds', 'gauge',
        'For how long the mark has been held up: the age of the oldest open append; on a standby that of the replay.'),
    ('esdb_feed_replay_bytes', 'gauge', 'Bytes of the log that a standby has received and not replayed.'),
    ('esdb_is_standby', 'gauge', '1 on a standby, else 0.'),
    ('esdb_epoch', 'gauge', 'The number of the epoch: it is raised when positions may have been lost.'),
    ('esdb_open_appends', 'gauge', 'Transactions that have appended and are open.'),
    ('esdb_oldest_open_append_seconds', 'gauge',
        'The age of the oldest of them; without a sample where the role may not see other sessions (pg_monitor).'),
    ('esdb_subscription_behind_events', 'gauge', 'Events behind the subscription''s last partition, at most.'),
    ('esdb_subscription_behind_seconds', 'gauge', 'The age of the first event behind its last partition.'),
    ('esdb_subscription_failing_partitions', 'gauge', 'Partitions whose next event was delivered before, and not handled.'),
    ('esdb_parked_events', 'gauge', 'Events that a subscription has set aside, by state.')
$function$;

comment on function esdb._metric_families() is 'The metrics of esdb.metrics: name, kind and meaning.';

revoke all on function esdb._metric_families() from public;
grant execute on function esdb._metric_families() to esdb_reader, esdb_maintainer;
