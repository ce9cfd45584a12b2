-- A partition whose months are over is sealed: it takes no more events, and what it holds is noted here for good. The
-- feed and the statistics go by these notes, so that neither depends on how much history there is.
create table esdb.seals (
    number bigint primary key
        constraint seals_number_is_positive check (number > 0),
    bounded_context esdb.bounded_context_code not null references esdb.bounded_contexts,
    lower_bound timestamptz not null,
    upper_bound timestamptz not null,
    event_count bigint not null,
    min_position bigint,
    max_position bigint,
    events_digest bytea not null,
    digest bytea not null,
    sealed_at timestamptz not null default pg_catalog.clock_timestamp(),
    sealed_by text not null default coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user),
    unique (bounded_context, lower_bound),
    constraint seals_positions_are_those_of_events check (
        event_count >= 0
        and (event_count = 0) = (min_position is null)
        and (event_count = 0) = (max_position is null)
        and coalesce(min_position <= max_position, true)
    )
);
-- serves read_all(): which sealed partitions lie behind a cursor, the next first
create index seals_max_position on esdb.seals (max_position);
comment on table esdb.seals is
    'One row a sealed partition, kept when it is archived. number is its place in the chain of digests.';
comment on column esdb.seals.min_position is 'The lowest position in it; null: it holds no event.';
comment on column esdb.seals.events_digest is 'The digest of its events alone: esdb_meta.digest_events().';
comment on column esdb.seals.digest is
    'SHA-256 of the digest before it in the chain and of this row''s facts: it stands for all sealed before, too.';
comment on column esdb.seals.sealed_by is 'The principal: the role that was SET, else session_user.';

create table esdb.seal_statistics (
    bounded_context esdb.bounded_context_code not null,
    lower_bound timestamptz not null,
    group_context esdb.group_context_code not null,
    event_type varchar(255) collate "C" not null,
    event_count bigint not null,
    first_event timestamptz not null,
    last_event timestamptz not null,
    primary key (bounded_context, lower_bound, group_context, event_type),
    foreign key (bounded_context, lower_bound) references esdb.seals (bounded_context, lower_bound) on delete cascade
);
comment on table esdb.seal_statistics is 'What the statistics say of each sealed partition, counted once.';

-- One row. Whoever makes a partition, seals or unseals one holds esdb._lock_maintenance() and leaves it true.
create table esdb.seal_frontier (
    is_only_row boolean primary key default true
        constraint seal_frontier_has_one_row check (is_only_row),
    month timestamptz not null,
    position bigint not null
);
insert into esdb.seal_frontier (month, position)
values ('-infinity', 0);
comment on table esdb.seal_frontier is 'Where the unsealed partitions begin.';
comment on column esdb.seal_frontier.month is 'No unsealed partition begins before it.';
comment on column esdb.seal_frontier.position is 'No event of an unsealed partition has this position or a lower one, nor ever will.';
