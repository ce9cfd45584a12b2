"""`esdb verify` names what is not as the migrations left it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from esdb_cli.migrations import Migrator
from esdb_cli.verification import faults
from tests.databases import Databases
from tests.fixtures import Connection, Esdb

LEAF = "(select 'esdb.' || partition from esdb.partitions where kind = 'month' order by partition limit 1)"

DAMAGES = {
    "function dropped": (
        "drop function esdb.error_codes()",
        "function esdb.error_codes(): missing",
    ),
    "function body": (
        """create or replace function esdb.error_codes() returns table (code text, name text, meaning text)
           language sql immutable parallel safe as $$ values ('a', 'b', 'c') $$""",
        "function esdb.error_codes(): altered: source",
    ),
    "function settings": (
        "alter function esdb.error_codes() volatile security definer",
        "function esdb.error_codes(): altered: security definer, volatility",
    ),
    "function right revoked": (
        "revoke execute on function esdb.error_codes() from esdb_reader",
        "function esdb.error_codes(): privilege missing: esdb_reader: EXECUTE",
    ),
    "function open to all": (
        "grant execute on function esdb.error_codes() to public",
        "function esdb.error_codes(): privilege nobody was given: PUBLIC: EXECUTE",
    ),
    "overload": (
        "create function esdb.error_codes(text) returns text language sql as $$ select $1 $$",
        "function esdb.error_codes(text): not made by a migration",
    ),
    "schema right revoked": (
        "revoke usage on schema esdb from esdb_writer",
        "schema esdb: privilege missing: esdb_writer: USAGE",
    ),
    "table opened": (
        "grant insert on esdb.streams to esdb_writer",
        "table esdb.streams: privilege nobody was given: esdb_writer: INSERT",
    ),
    "column opened": (
        "grant update (version) on esdb.streams to esdb_writer",
        "table esdb.streams: privilege nobody was given: column version esdb_writer: UPDATE",
    ),
    "column": (
        "alter table esdb.streams alter column created_at drop not null",
        "table esdb.streams: altered: columns",
    ),
    "column type": (
        "alter table esdb.snapshots alter column state type json",
        "table esdb.snapshots: altered: columns",
    ),
    "default": (
        "alter table esdb.snapshots alter column timestamp set default '2000-01-01'",
        "table esdb.snapshots: altered: expressions",
    ),
    "row security": (
        "alter table esdb.streams enable row level security",
        "table esdb.streams: altered: row security",
    ),
    "fillfactor": (
        "alter table esdb.streams reset (fillfactor)",
        "table esdb.streams: altered: options",
    ),
    "unlogged": (
        "alter table esdb.idempotency_keys set unlogged",
        "table esdb.idempotency_keys: altered: persistence",
    ),
    "table dropped": (
        "drop table esdb.idempotency_keys",
        "table esdb.idempotency_keys: missing",
    ),
    "foreign key dropped": (
        "alter table esdb.snapshots drop constraint snapshots_aggregate_id_fkey",
        "constraint esdb.snapshots.snapshots_aggregate_id_fkey: missing",
    ),
    "constraint added": (
        "alter table esdb.streams add constraint small check (version < 10)",
        "constraint esdb.streams.small: not made by a migration",
    ),
    "index dropped": (
        "drop index esdb.snapshots_timestamp",
        "index esdb.snapshots_timestamp: missing",
    ),
    "index on another column": (
        """drop index esdb.snapshots_timestamp;
           create index snapshots_timestamp on esdb.snapshots using brin (version)""",
        "index esdb.snapshots_timestamp: altered: columns",
    ),
    "trigger disabled": (
        "alter table esdb.events disable trigger events_are_immutable",
        "trigger events_are_immutable on esdb.events: altered: enabled",
    ),
    "trigger added": (
        """create trigger meddle before insert on esdb.streams
           for each row execute function pg_catalog.suppress_redundant_updates_trigger()""",
        "trigger meddle on esdb.streams: not made by a migration",
    ),
    "view": (
        "alter view esdb.partitions set (security_invoker = true)",
        "view esdb.partitions: altered: options",
    ),
    "view body": (
        """create or replace view esdb.partitions as
           select p.* from esdb.partitions as p where false""",
        "view esdb.partitions: altered: expressions",
    ),
    "view right revoked": (
        "revoke select on esdb.partitions from esdb_reader",
        "view esdb.partitions: privilege missing: esdb_reader: SELECT",
    ),
    "materialized view dropped": (
        "drop materialized view esdb.event_statistics",
        "materialized view esdb.event_statistics: missing",
    ),
    "function owner": (
        "alter function esdb.error_codes() owner to esdb_maintainer",
        "function esdb.error_codes(): altered: owner",
    ),
    "view dropped": (
        "drop view esdb.partitions cascade",
        "view esdb.partitions: missing",
    ),
    "domain": (
        "alter domain esdb.version_number drop constraint version_number_not_negative",
        "constraint esdb.version_number.version_number_not_negative: missing",
    ),
    "domain admits other codes than are registered": (
        """alter domain esdb.group_context_code drop constraint group_context_code_known;
           alter domain esdb.group_context_code add constraint group_context_code_known
           check (value in ('m', 'c', 's', 'x'))""",
        "constraint esdb.group_context_code.group_context_code_known: altered: codes",
    ),
    "type": (
        "alter type esdb.append_result add attribute extra text",
        "type esdb.append_result: altered: attributes",
    ),
    "sequence cache": (
        "alter sequence esdb.event_position cache 10",
        "sequence esdb.event_position: CACHE is 10, not 1: positions would not follow their drawing",
    ),
    "sequence increment": (
        "alter sequence esdb.event_position increment 2",
        "sequence esdb.event_position: INCREMENT is 2, not 1",
    ),
    "sequence cycle": (
        "alter sequence esdb.event_position cycle",
        "sequence esdb.event_position: CYCLE is set: positions would be given out twice",
    ),
    "sequence type": (
        "alter sequence esdb.event_position as integer maxvalue 2147483647",
        "sequence esdb.event_position: altered: maximum, type",
    ),
    "sequence direction": (
        "alter sequence esdb.event_position increment -1 minvalue -10",
        "sequence esdb.event_position: INCREMENT is -1, not 1",
    ),
    "sequence opened": (
        "grant usage on sequence esdb.event_position to esdb_writer",
        "sequence esdb.event_position: privilege nobody was given: esdb_writer: USAGE",
    ),
    "sequence dropped": (
        "drop sequence esdb.established_mark cascade",
        "sequence esdb.established_mark: missing",
    ),
    "setting gone": (
        "delete from esdb.settings where name = 'partitions_ahead'",
        "setting partitions_ahead: missing",
    ),
    "setting's default": (
        "update esdb.settings set default_value = '4' where name = 'partitions_ahead'",
        "setting partitions_ahead: altered: default",
    ),
    "setting's bounds": (
        "update esdb.settings set minimum = '1', maximum = '999' where name = 'partitions_ahead'",
        "setting partitions_ahead: altered: maximum, minimum",
    ),
    "events dropped": (
        "drop table esdb.events cascade",
        "table esdb.events: missing",
    ),
    "checks dropped": (
        "drop function esdb_meta.installed_objects() cascade",
        "check esdb_meta.object_faults(): cannot run: function esdb_meta.installed_objects() does not exist",
    ),
    "versioned file edited": (
        "update esdb_meta.checksums set sha256 = 'x' where id = '0002_contexts'",
        "file 0002_contexts: edited after it was applied",
    ),
    "versioned file of another version": (
        "insert into esdb_meta.checksums values ('9000_newer', 'versioned', 'x')",
        "file 9000_newer: applied, but not known to this package",
    ),
    "repeatable file gone": (
        """create function esdb.old() returns integer language sql as 'select 1';
           insert into esdb_meta.checksums values ('functions/old.sql', 'repeatable', 'x')""",
        "file functions/old.sql: no longer part of this package, but its object is still there",
    ),
}

# what setval() does no rollback undoes
SEQUENCE_DAMAGES = {
    "set back": (
        "select setval('esdb.event_position', 1)",
        "sequence esdb.event_position: stands at 1, below the highest position 2: positions would be given out twice",
    ),
    "mark beyond the sequence": (
        "select setval('esdb.established_mark', 9)",
        "sequence esdb.established_mark: stands at 9, beyond esdb.event_position at 2: consumers would skip events",
    ),
}

LEAF_DAMAGES = {
    "primary key": ("alter table {leaf} drop constraint {name}_pkey", "no PRIMARY KEY (id)"),
    "version key": ("alter table {leaf} drop constraint {name}_version", "no UNIQUE (aggregate_id, version)"),
    "position key": ("alter table {leaf} drop constraint {name}_position", "no UNIQUE (position)"),
    "trigger dropped": (
        "drop trigger events_are_immutable on {leaf}",
        "no trigger that refuses changes, or not ENABLE ALWAYS",
    ),
    "trigger as others are enabled": (
        "alter table {leaf} enable trigger events_are_immutable",
        "no trigger that refuses changes, or not ENABLE ALWAYS",
    ),
    "right": ("grant select on {leaf} to esdb_reader", "privilege nobody was given: esdb_reader: SELECT"),
    "owner": ("alter table {leaf} owner to esdb_reader", "its owner is not the owner of esdb.events"),
    "unlogged": ("alter table {leaf} set unlogged", "UNLOGGED: a crash would empty it"),
}


def lines(connection: Connection) -> list[str]:
    return [f"{fault['kind']} {fault['name']}: {fault['fault']}" for fault in faults(connection)]


def append_two(connection: Connection) -> None:
    for _ in range(2):
        connection.execute(
            "select esdb.append_event('a-1', 'Made', '{}', bounded_context => 'b', group_context => 'm')"
        )


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Connection]:
    """A connection to a sound store with two events; each test undoes what it breaks."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        append_two(connection)
        assert lines(connection) == []
        yield connection
    databases.drop(url)


@pytest.mark.parametrize(("damage", "line"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(store: Connection, damage: str, line: str) -> None:
    with store.transaction(force_rollback=True):
        store.execute(damage)
        assert line in lines(store)


@pytest.mark.parametrize(("damage", "line"), SEQUENCE_DAMAGES.values(), ids=SEQUENCE_DAMAGES.keys())
def test_a_sequence_set_wrongly_is_named(db: Connection, damage: str, line: str) -> None:
    append_two(db)
    db.execute(damage)
    assert lines(db) == [line]


@pytest.mark.parametrize(("damage", "fault"), LEAF_DAMAGES.values(), ids=LEAF_DAMAGES.keys())
def test_a_damaged_partition_is_named(store: Connection, damage: str, fault: str) -> None:
    row = store.execute(f"select {LEAF}").fetchone()
    assert row is not None
    leaf = row[0]
    with store.transaction(force_rollback=True):
        store.execute(damage.format(leaf=leaf, name=leaf.removeprefix("esdb.")))
        assert lines(store) == [f"partition {leaf}: {fault}"]


def test_what_belongs_to_the_installation_is_no_fault(db: Connection) -> None:
    db.execute("""
        insert into esdb.bounded_contexts values ('b', 'bookmark') on conflict do nothing;
        alter domain esdb.group_context_code drop constraint group_context_code_known;
        alter domain esdb.group_context_code add constraint group_context_code_known
            check (value in ('m', 'c', 's', 'x')) not valid;
        insert into esdb.group_contexts values ('x', 'extra');
        update esdb.settings set value = '7' where name = 'snapshots_kept';
        create index own on esdb.streams (aggregate_type);
        alter table esdb.streams set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
        create view esdb.own_view as select 1 as one;
        grant select on esdb.partitions to esdb_writer;
    """)
    assert lines(db) == []


def test_every_fault_is_a_line_and_the_exit_code_is_3(db: Connection, esdb: Esdb) -> None:
    assert esdb("verify").stdout == "ok\n"
    assert esdb("verify", "--json").stdout == '{"ok": true, "faults": [], "left_out": {}}\n'
    db.execute("drop index esdb.snapshots_timestamp; revoke usage on schema esdb from esdb_reader")
    result = esdb("verify")
    assert result.returncode == 3
    assert result.stdout.splitlines() == [
        "index esdb.snapshots_timestamp: missing",
        "schema esdb: privilege missing: esdb_reader: USAGE",
    ]
    result = esdb("verify", "--json")
    assert result.returncode == 3
    assert json.loads(result.stdout)["faults"][0] == {
        "kind": "index",
        "name": "esdb.snapshots_timestamp",
        "fault": "missing",
    }


def test_a_database_without_the_store_is_at_fault(empty_db_url: str, esdb: Esdb) -> None:
    result = esdb("verify", url=empty_db_url)
    assert result.returncode == 3
    assert "file 0001_schema_and_roles: never applied" in result.stdout.splitlines()
    assert result.stderr == "there is no store in this database\nhint: run `esdb migrate`\n"
    as_json = esdb("verify", "--json", "--schema-only", url=empty_db_url)
    assert (as_json.returncode, json.loads(as_json.stdout)["ok"]) == (3, False)
    assert as_json.stderr == result.stderr


def test_another_major_version_may_word_its_expressions_otherwise(db: Connection) -> None:
    db.execute("""
        update esdb_meta.objects
        set definition = definition || '{"expressions": "as an older server wrote it"}', server_major = server_major - 1
    """)
    assert lines(db) == []
    db.execute("alter function esdb.error_codes() volatile")
    assert lines(db) == ["function esdb.error_codes(): altered: volatility"]


def test_a_migrate_that_changes_something_records_what_it_left(db: Connection) -> None:
    db.execute("update esdb_meta.checksums set sha256 = 'x' where id = 'functions/errors/error_codes.sql'")
    db.execute("delete from esdb_meta.objects where name like '%error_codes%'")
    assert lines(db) == ["function esdb.error_codes(): not made by a migration"]
    assert [file.id for file in Migrator(db).migrate()] == ["functions/errors/error_codes.sql"]
    assert lines(db) == []


def test_a_file_that_went_with_its_object_is_no_fault(db: Connection, esdb: Esdb) -> None:
    db.execute("insert into esdb_meta.checksums values ('functions/gone.sql', 'repeatable', 'x')")
    assert lines(db) == []
    assert esdb("status", "--check").returncode == 0


def test_a_maintainer_may_verify(db: Connection) -> None:
    db.execute("set role esdb_maintainer")
    assert lines(db) == []
