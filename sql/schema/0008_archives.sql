-- Sealed partitions that were written to files and taken out of the database.
create table esdb.archives (
    bounded_context esdb.bounded_context_code not null,
    lower_bound timestamptz not null,
    partition text collate "C" not null unique,
    location text collate "C" not null,
    state text not null
        constraint archives_state_known check (state in ('archiving', 'detaching', 'archived')),
    keeps_table boolean not null,
    begun_at timestamptz not null default pg_catalog.clock_timestamp(),
    archived_at timestamptz,
    primary key (bounded_context, lower_bound),
    foreign key (bounded_context, lower_bound) references esdb.seals (bounded_context, lower_bound),
    constraint archives_archived_at_is_when_archived check ((state = 'archived') = (archived_at is not null))
);
comment on table esdb.archives is 'One row a partition that is archived, or being archived; its facts are in esdb.seals.';
comment on column esdb.archives.location is 'The directory of the archive, as the host that wrote it names it.';
comment on column esdb.archives.state is
    'archiving: the file is being written, the events are still read from the table. detaching: reads raise SE013 from here on. archived: done.';
comment on column esdb.archives.keeps_table is 'The table stays in the schema, outside of esdb.events.';

-- Not a row but a sequence: read without a snapshot and seen by all at once. It is raised before a partition goes.
create sequence esdb.archived_until as bigint minvalue 0 start 0 no cycle;
comment on sequence esdb.archived_until is
    'The end (seconds since 1970) of the newest partition ever archived: what is later need not ask esdb.archives.';
