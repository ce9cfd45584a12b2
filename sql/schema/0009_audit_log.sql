-- What was done to the store that is no event: append-only, as the events are.
create table esdb.audit_log (
    number bigint generated always as identity primary key,
    at timestamptz not null default pg_catalog.clock_timestamp(),
    principal text not null default coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user),
    client_address inet default pg_catalog.inet_client_addr(),
    application_name text not null default pg_catalog.current_setting('application_name'),
    action text collate "C" not null,
    subject text not null,
    affected bigint,
    details jsonb not null
);
comment on table esdb.audit_log is 'Who did what to the store, apart from appending: written by esdb._audit(), never changed.';
comment on column esdb.audit_log.principal is 'The role that was SET, else session_user.';
comment on column esdb.audit_log.client_address is 'Null for a connection through a unix socket.';
comment on column esdb.audit_log.action is 'seal, unseal, archive, restore, migrate, create partition …';
comment on column esdb.audit_log.subject is 'What it was done to: a partition''s name, for instance.';
comment on column esdb.audit_log.affected is
    'How many it was about: events of a seal, an archive, an import, snapshots removed …; null: nothing to count.';
comment on sequence esdb.audit_log_number_seq is 'Numbers the rows of esdb.audit_log; gaps are possible.';
