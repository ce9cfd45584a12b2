-- The ledger of `esdb migrate`, made in the transaction of the first migration and under its lock.
--
-- The three _yoyo tables are what yoyo 9 (internal schema 2) keeps, so that its own commands can read them; its
-- lock table is missing because the lock is an advisory one that ends with the transaction. checksums knows the
-- bytes that were run, objects the state in which the last migration left what it made.
create schema if not exists esdb_meta;
comment on schema esdb_meta is 'The migration ledger of esdb.';
revoke all on schema esdb_meta from public;

create table esdb_meta._yoyo_migration (
    migration_hash varchar(64) primary key,
    migration_id varchar(255),
    applied_at_utc timestamp
);
comment on table esdb_meta._yoyo_migration is 'Versioned migrations that were applied (yoyo''s table).';

create table esdb_meta._yoyo_log (
    id varchar(36) primary key,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp
);
comment on table esdb_meta._yoyo_log is 'Who applied what, and from where (yoyo''s table).';

create table esdb_meta._yoyo_version (
    version integer primary key,
    installed_at_utc timestamp
);
comment on table esdb_meta._yoyo_version is 'The version of yoyo''s own tables (yoyo''s table).';
insert into esdb_meta._yoyo_version (version, installed_at_utc)
values (2, pg_catalog.timezone('UTC', pg_catalog.now()));

create table esdb_meta.checksums (
    id text collate "C" primary key,
    kind text not null
        constraint checksums_kind_known check (kind in ('versioned', 'repeatable')),
    sha256 text not null,
    applied_at timestamptz not null default pg_catalog.now()
);
comment on table esdb_meta.checksums is 'The SHA-256 of the bytes of each file as it was last run.';

create table esdb_meta.objects (
    kind text collate "C" not null,
    name text collate "C" not null,
    definition jsonb not null,
    privileges text[] not null,
    server_major integer not null,
    primary key (kind, name)
);
comment on table esdb_meta.objects is
    'What the last migration left behind: esdb_meta.installed_objects() at its end. Empty while one is under way.';
