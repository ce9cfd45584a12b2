-- Subscriptions: the store keeps the place of a consumer and shares its events out to workers. What a subscription is,
-- its partitions, how far each of them is, and the events that no worker could handle.
create table esdb.subscription_definitions (
    name text collate "C" primary key
        constraint subscription_definitions_name_length check (length(name) between 1 and 255),
    from_position bigint not null,
    partitions integer not null
        constraint subscription_definitions_partitions_in_bounds check (partitions between 1 and 1024),
    bounded_contexts text[],
    group_contexts text[],
    feature_contexts text[],
    event_types text[],
    aggregate_types text[],
    max_attempts integer not null
        constraint subscription_definitions_max_attempts_in_bounds check (max_attempts between 1 and 1000000),
    on_failure text collate "C" not null
        constraint subscription_definitions_on_failure_known check (on_failure in ('park', 'stop')),
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    created_by text not null default coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user)
);
comment on table esdb.subscription_definitions is 'What each subscription delivers, and to how many workers at once.';
comment on column esdb.subscription_definitions.partitions is
    'Workers that can be at it at once: each aggregate belongs to one partition, by esdb._partition_of().';
comment on column esdb.subscription_definitions.max_attempts is 'Deliveries of an event after which it is parked.';
comment on column esdb.subscription_definitions.on_failure is
    'What becomes of the rest of a parked event''s aggregate: park: it goes on; stop: it waits behind the parked event.';

-- Never updated: the row's lock is what claims, acks and resets of a partition queue on.
create table esdb.subscription_partitions (
    subscription text collate "C" not null references esdb.subscription_definitions on delete cascade,
    partition integer not null,
    primary key (subscription, partition)
);
comment on table esdb.subscription_partitions is 'One row a partition of a subscription: its lock.';

create sequence esdb.checkpoint_number as bigint cache 1 no cycle;
comment on sequence esdb.checkpoint_number is 'Numbers checkpoints and leases; gaps are possible.';

-- The newest row of a partition counts. Each change gives it a higher number: the dead versions that a snapshot, open
-- elsewhere for an hour, keeps then lie to the left of the one that is looked for, and finding it costs the same as ever.
-- Versions under one number would all have to be walked. What looks for it does without sequential scans, which the planner
-- prefers where few rows live among many dead ones.
create table esdb.subscription_checkpoints (
    subscription text collate "C" not null,
    partition integer not null,
    number bigint not null default pg_catalog.nextval('esdb.checkpoint_number'),
    position bigint not null,
    token bigint,
    worker text,
    lease interval,
    lease_until timestamptz,
    delivered_to bigint,
    scanned_to bigint,
    is_replay boolean not null default false,
    attempts integer not null default 0,
    retry_at timestamptz,
    last_error text,
    primary key (subscription, partition, number),
    foreign key (subscription, partition) references esdb.subscription_partitions on delete cascade
);
comment on table esdb.subscription_checkpoints is 'How far each partition of a subscription is, and who is at it.';
comment on column esdb.subscription_checkpoints.position is 'Every event of the partition up to here is done with: handled, or parked.';
comment on column esdb.subscription_checkpoints.token is 'The newest lease''s.';
comment on column esdb.subscription_checkpoints.lease_until is 'Null: nobody is at it.';
comment on column esdb.subscription_checkpoints.delivered_to is 'The last event of the lease.';
comment on column esdb.subscription_checkpoints.scanned_to is 'How far the lease has looked: up to here the partition has no event behind delivered_to.';
comment on column esdb.subscription_checkpoints.is_replay is 'The lease is of parked events.';
comment on column esdb.subscription_checkpoints.attempts is 'How often the next event was delivered.';
comment on column esdb.subscription_checkpoints.retry_at is 'Before that the partition is not delivered.';

create table esdb.subscription_parkings (
    subscription text collate "C" not null,
    position bigint not null,
    partition integer not null,
    aggregate_id text collate "C" not null,
    version esdb.version_number not null,
    event_type text collate "C" not null,
    state text collate "C" not null
        constraint subscription_parkings_state_known check (state in ('failed', 'waiting', 'replay')),
    attempts integer not null,
    reason text,
    worker text,
    token bigint,
    retry_at timestamptz,
    parked_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (subscription, position),
    foreign key (subscription, partition) references esdb.subscription_partitions on delete cascade
);
-- serves claims: whether an aggregate has parked events, and whether a failed one is before a position
create index subscription_parkings_aggregate
on esdb.subscription_parkings (subscription, partition, aggregate_id, state, position);
-- serves claims: what is to be delivered again, past any number of failed events
create index subscription_parkings_deliverable on esdb.subscription_parkings (subscription, partition, position)
where state <> 'failed' or retry_at is not null;
comment on table esdb.subscription_parkings is 'Events that were set aside, because they failed or wait behind one that did.';
comment on column esdb.subscription_parkings.state is
    'failed: no worker could handle it; waiting: behind a failed one of its aggregate, replay: to be delivered again.';
comment on column esdb.subscription_parkings.token is 'The lease under which it was delivered again.';
comment on column esdb.subscription_parkings.retry_at is 'Of one that waited and failed fewer than max_attempts times: when it is delivered again. Null: never.';

insert into esdb.settings (name, value_type, default_value, minimum, maximum, meaning)
values
    ('retry_delay', 'interval', '1 second', '0', '1 day',
        'how long a subscription''s partition rests after a nack; doubled at each further one of the same event'),
    ('retry_delay_limit', 'interval', '1 minute', '0', '1 day', 'how long it rests at most');
