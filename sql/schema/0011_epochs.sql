-- Epochs: the stretches of the store's order between losses. See docs/decisions/0016.
--
-- Rows of one epoch may be several: until one is seen committed, each transaction that appends writes its own, so that no
-- event of an epoch is ever there without the epoch, whatever is rolled back, killed or prepared.
create table esdb.epoch_records (
    first_position bigint not null,
    last_position bigint not null,
    resume_after bigint not null,
    began_at timestamptz not null default pg_catalog.clock_timestamp(),
    timeline text collate "C" not null default left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8),
    cluster bigint,
    reason text not null,
    principal text not null default coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user),
    recorded_in xid8 not null default pg_catalog.pg_current_xact_id()
);
comment on table esdb.epoch_records is 'What the view esdb.epochs shows; several rows for an epoch say the same.';
comment on column esdb.epoch_records.first_position is 'Every position drawn in the epoch is this one or a higher one.';
comment on column esdb.epoch_records.last_position is
    'The last position kept of the epoch before. Those between this and first_position - 1 may have been given out and lost.';
comment on column esdb.epoch_records.resume_after is
    'Up to here nothing is lost. Above it, also below last_position, was what had not committed when the store was cut off.';
comment on column esdb.epoch_records.timeline is 'The server''s timeline when the epoch began.';
comment on column esdb.epoch_records.cluster is
    'The system identifier of the server''s cluster then; null: not noted. pg_upgrade and dumps take a store to another one, whose timelines have the same names.';
comment on column esdb.epoch_records.recorded_in is 'The transaction that wrote the row.';

-- A mark that is in a dump's snapshot, with all the events that it covers. A sequence is dumped as it stands later.
create table esdb.dumped_mark (
    position bigint not null,
    recorded_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table esdb.dumped_mark is 'A high-water mark of about a second ago, one row: what a restored dump surely has.';

insert into esdb.dumped_mark (position)
values (0);

insert into esdb.epoch_records (first_position, last_position, resume_after, reason)
values (1, 0, 0, 'the store was made');

-- a store that has positions already knows nothing of epochs before
select pg_catalog.setval('esdb.epoch_start', 1)
where pg_catalog.pg_sequence_last_value('esdb.event_position') is not null;
