-- Not rows but sequences: read without a snapshot, seen by all at once, written without leaving dead rows behind. The
-- unlogged ones can be set by a reader, who needs no transaction id for it and waits for no flush; a crash, a promotion
-- and the restore of a base backup reset them, and by that the first append afterwards knows that events may be lost.
--
-- A dump reads each sequence at a moment of its own, by name (from 18 on as they were made). The marks are read first, so
-- that they never are beyond the positions of the restored store: consumers would skip events there.
create sequence esdb.durable_mark as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.durable_mark is
    'The highest high-water mark that went into the write-ahead log, behind the commits it covers: what a standby goes by.';

create unlogged sequence esdb.epoch_base as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.epoch_base is 'last_position of the newest epoch: what it kept of the epoch before.';

create unlogged sequence esdb.epoch_resume as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.epoch_resume is 'resume_after of the newest epoch: up to there it lost nothing.';

create unlogged sequence esdb.epoch_start as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.epoch_start is
    'first_position of the newest epoch; not called: nothing was appended since the server recovered, or ever.';

create unlogged sequence esdb.established_mark as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.established_mark is 'The highest high-water mark found so far.';

create unlogged sequence esdb.mark_clock as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.mark_clock is 'Until when (microseconds since 1970) the recorded mark serves without a new scan.';

create unlogged sequence esdb.publish_clock as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.publish_clock is
    'Until when (microseconds since 1970) appends publish no mark, because looking for it was dear.';

create unlogged sequence esdb.wake_clock as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.wake_clock is 'When (microseconds since 1970) an append last woke the listeners.';

create sequence esdb.newest_month as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.newest_month is
    'The end (seconds since 1970) of the newest month that holds an event: later partitions are empty for certain.';

-- The store-wide order. CACHE 1, so that a position drawn later is higher whichever session draws it: the feed's
-- high-water mark stands on it. An announcement has room for 48 bits.
create sequence esdb.event_position as bigint maxvalue 281474976710655 cache 1 no cycle;
comment on sequence esdb.event_position is 'Positions of events, the store-wide order; drawn only after an announcement.';

create table esdb.events (
    position bigint not null,
    id text collate "C" not null,
    bounded_context esdb.bounded_context_code not null,
    group_context esdb.group_context_code not null,
    feature_context esdb.feature_context_code not null,
    action_type varchar(10) not null,
    aggregate_type text collate "C" not null,
    aggregate_id text collate "C" not null,
    event_type varchar(255) collate "C" not null,
    schema_version smallint not null default 1,
    version esdb.version_number not null,
    timestamp timestamptz not null,
    occurred_at timestamptz,
    payload jsonb not null,
    metadata jsonb,
    recorded_by text not null default coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user)
)
partition by list (bounded_context);

comment on table esdb.events is
    'Every event, immutable. Partitioned by bounded context, then by month of timestamp (UTC); constraints and indexes stand on each leaf.';
comment on column esdb.events.position is 'Store-wide order; gaps are possible, order never changes.';
comment on column esdb.events.id is 'ULID made by the server, or the caller''s id (1 to 64 characters).';
comment on column esdb.events.schema_version is 'Version of the payload''s shape, for upcasting.';
comment on column esdb.events.version is 'Place in the stream: 1, 2, 3 …';
comment on column esdb.events.timestamp is 'greatest(server clock, the stream''s updated_at): never runs backwards inside a stream.';
comment on column esdb.events.occurred_at is 'Business time, the caller''s; null means timestamp.';
comment on column esdb.events.metadata is 'correlation_id, causation_id, user_id, source_service …';
comment on column esdb.events.recorded_by is 'The principal: the role that was SET, else session_user; the caller cannot choose it.';

create type esdb.append_result as (
    id text,
    version bigint,
    "position" bigint,
    "timestamp" timestamptz
);
comment on type esdb.append_result is 'What an append tells of each event it wrote.';
revoke all on type esdb.append_result from public;
