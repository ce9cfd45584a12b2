-- One row a stream: it is the lock that appends queue on, the version check, and the index to the partitions that
-- hold the stream's events. The columns that an append changes stand in no index, and the fillfactor leaves room on
-- the page, so that the update stays HOT. Who reads version, month_version or updated_at asks the view esdb._streams.
create table esdb.streams (
    aggregate_id text collate "C" primary key,
    aggregate_type text collate "C" not null,
    bounded_context esdb.bounded_context_code not null,
    group_context esdb.group_context_code not null,
    version esdb.version_number,
    month_version esdb.version_number not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
)
with (fillfactor = 70);
comment on table esdb.streams is 'One row a stream (the events of one aggregate).';
comment on column esdb.streams.version is
    'The version of the stream''s newest event; null: esdb.detached_heads has it, and with it month_version and updated_at.';
comment on column esdb.streams.month_version is 'The version of its first event in the month (UTC) of updated_at.';
comment on column esdb.streams.created_at is 'The timestamp of its first event.';
comment on column esdb.streams.updated_at is 'The timestamp of its newest event.';

-- Where the heads of hot streams are kept while somebody holds an old snapshot, which keeps all versions of a stream's
-- row: each append would have to pass by all of them. Here each change gives the row a higher key, so the newest is the
-- first to be found, as with esdb.subscription_checkpoints. A key that changes costs an entry in its index, HOT does not;
-- so this is for streams that need it.
create table esdb.detached_heads (
    aggregate_id text collate "C" not null,
    version esdb.version_number not null,
    month_version esdb.version_number not null,
    updated_at timestamptz not null,
    primary key (aggregate_id, version)
);
comment on table esdb.detached_heads is
    'One row for each stream whose own has no version: what that would say.';

-- Written only when a stream's event falls into another month than the one before, so a stream that lives in one
-- month has no row here and a reader visits only the months that hold events of the stream.
create table esdb.stream_months (
    aggregate_id text collate "C" not null,
    month timestamptz not null,
    first_version esdb.version_number not null,
    primary key (aggregate_id, month)
);
comment on table esdb.stream_months is 'The months (their start, UTC) that a stream entered after its first one.';

create table esdb.idempotency_keys (
    aggregate_id text collate "C" not null,
    key text collate "C" not null,
    first_version esdb.version_number not null,
    event_count integer not null,
    created_at timestamptz not null,
    primary key (aggregate_id, key)
);
-- serves the purge of keys past their retention
create index idempotency_keys_created_at on esdb.idempotency_keys using brin (created_at);
comment on table esdb.idempotency_keys is 'Which versions a call with an idempotency key appended, for idempotency_retention.';

create table esdb.snapshots (
    aggregate_id text collate "C" not null references esdb.streams,
    version esdb.version_number not null,
    state jsonb not null,
    timestamp timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (aggregate_id, version)
);
-- serves questions of age; the cleanup walks the primary key
create index snapshots_timestamp on esdb.snapshots using brin (timestamp);
comment on table esdb.snapshots is 'An aggregate''s state as of a version, so that loading it need not replay all events.';
comment on column esdb.snapshots.timestamp is 'When it was saved, last.';
