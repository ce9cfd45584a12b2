"""What `esdb doctor` finds in tables and indexes: each finding is provoked, and what it says makes it go."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from esdb_cli.render import render
from tests.doctor_support import Patient, later
from tests.feed_support import append, append_many, value
from tests.fixtures import Connect, Connection, Esdb


@pytest.fixture
def patient(db_url: str) -> Patient:
    return Patient(db_url)


def test_autovacuum_is_off_for_a_table(db: Connection, patient: Patient) -> None:
    db.execute("alter table esdb.streams set (autovacuum_enabled = off)")
    patient.mended("autovacuum_off", "table esdb.streams", "warning")


def test_a_partition_that_autovacuum_does_not_get_to(db: Connection, connect: Connect, patient: Patient) -> None:
    leaf = value(db, "select partition from esdb.partition_health where bounded_context = 'b' and state = 'current'")
    name = sql.Identifier("esdb", leaf)
    db.execute(sql.SQL("alter table {} set (autovacuum_enabled = off)").format(name))
    append_many(db, "many", 10_000)
    append_many(db, "more", 10_000)
    db.execute("select pg_stat_force_next_flush()")
    then = later(patient, connect, minutes=61)
    finding = then.mended("analyze_overdue", "partitions of bookmark", "notice")
    assert finding["mend"] == f"analyze esdb.{leaf};"
    db.execute("begin")
    append_many(db, "undone", 10_000)
    append_many(db, "undone too", 10_000)
    db.execute("rollback")
    db.execute("select pg_stat_force_next_flush()")
    then.has("vacuum_overdue", "partitions of bookmark", "warning")
    # VACUUM believes a commit only when it is on disk, and this server does not wait for that
    db.execute("checkpoint")
    then.mended("vacuum_overdue", "partitions of bookmark", "warning")
    then.mended("autovacuum_off", "partitions of bookmark", "warning")


def test_partitions_that_nobody_freezes(db: Connection, patient: Patient) -> None:
    for _ in range(200):
        db.execute("select txid_current()")
    db.execute("alter function pg_catalog.age(xid) rename to real_age")
    db.execute(
        "create function pg_catalog.age(id xid) returns integer language sql stable"
        " as 'select pg_catalog.real_age(id) + case when pg_catalog.real_age(id) > 100 then 221000000 else 0 end'"
    )
    finding = patient.mended("freeze_overdue", "partitions of bookmark", "warning")
    assert "; and " in finding["fact"]


def fill_streams(connection: Connection, count: int, padding: int = 0) -> None:
    """Write rows of streams without events, their ids with a prefix of so many characters."""
    connection.execute("alter table esdb.streams set (autovacuum_enabled = off)")
    connection.execute(
        "insert into esdb.streams (aggregate_id, aggregate_type, bounded_context, group_context, version,"
        " month_version, created_at, updated_at)"
        " select repeat('s', %s) || n, 'bookmark', 'b', 'm', n, 1, now(), now() from generate_series(1, %s) as n",
        (padding, count),
    )
    connection.execute("analyze esdb.streams")


def test_dead_rows_that_no_vacuum_removes(db: Connection, patient: Patient) -> None:
    fill_streams(db, 11_000)
    db.execute("update esdb.streams set version = 2")
    patient.mended("vacuum_overdue", "table esdb.streams", "warning")


def test_a_table_so_large_that_autovacuum_comes_rarely(db: Connection, patient: Patient) -> None:
    db.execute("update pg_class set reltuples = 5000000 where oid = 'esdb.streams'::regclass")
    patient.mended("vacuum_rare", "table esdb.streams", "notice")


def test_a_bloated_table_and_its_index(db: Connection, patient: Patient) -> None:
    fill_streams(db, 160_000, 230)
    assert patient.findings("bloat") == []
    db.execute("delete from esdb.streams where version % 50 <> 0")
    db.execute("vacuum (analyze, truncate off) esdb.streams")
    patient.mended("bloat", "index esdb.streams_pkey", "notice")
    patient.mended("bloat", "table esdb.streams", "notice")


def test_an_index_that_a_failed_statement_left(db: Connection, patient: Patient) -> None:
    append(db, "a")
    append(db, "b")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("create unique index concurrently mine on esdb.streams (aggregate_type)")
    patient.mended("index_invalid", "index esdb.mine", "warning")


@pytest.mark.parametrize(("index", "severity"), [("streams_pkey", "critical"), ("snapshots_timestamp", "warning")])
def test_an_invalid_index_of_ours_is_made_anew(db: Connection, patient: Patient, index: str, severity: str) -> None:
    db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (f"esdb.{index}",))
    patient.mended("index_invalid", f"index esdb.{index}", severity)
    assert db.execute("select from pg_class where oid = to_regclass(%s)", (f"esdb.{index}",)).fetchone() is not None


def test_an_invalid_index_of_a_partition(db: Connection, patient: Patient) -> None:
    leaf = value(db, "select min(partition) from esdb.partitions where kind = 'month' and bounded_context = 'b'")
    db.execute(render("index_partition", {"partition": leaf}))
    for suffix, severity in (("pkey", "critical"), ("event_type", "warning"), ("timestamp", "warning")):
        db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (f"esdb.{leaf}_{suffix}",))
        finding = patient.mended("index_invalid", f"index esdb.{leaf}_{suffix}", severity)
        assert finding["mend"].startswith("reindex ")


def test_an_index_of_a_partition_that_was_dropped(db: Connection, patient: Patient) -> None:
    leaf = value(db, "select min(partition) from esdb.partitions where kind = 'month' and bounded_context = 'b'")
    db.execute(
        sql.SQL("alter table {} drop constraint {}").format(
            sql.Identifier("esdb", leaf), sql.Identifier(f"{leaf}_pkey")
        )
    )
    db.execute(sql.SQL("drop index {}").format(sql.Identifier("esdb", f"{leaf}_event_type")))
    patient.mended("index_missing", f"index esdb.{leaf}_pkey", "critical")
    patient.mended("index_missing", f"index esdb.{leaf}_event_type", "warning")


def test_an_index_that_is_there_twice(db: Connection, patient: Patient) -> None:
    db.execute("create index twin on esdb.streams (aggregate_id)")
    patient.mended("index_duplicate", "index esdb.twin", "notice")


def test_an_invalid_optional_index(db: Connection, esdb: Esdb, patient: Patient) -> None:
    assert esdb("indexes", "enable", "correlation").returncode == 0
    parts = db.execute(
        "select index_name from esdb._optional_index_parts() where name = 'correlation' order by 1"
    ).fetchall()
    first, second = (f"esdb.{name}" for (name,) in parts[:2])
    db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (first,))
    assert patient.has("index_invalid", "optional index correlation", "warning")["fact"].startswith(f"{first}: ")
    db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (second,))
    finding = patient.mended("index_invalid", "optional index correlation", "warning")
    assert finding["fact"].startswith(f"{first} and 1 more: ")


def test_an_optional_index_that_is_not_finished(db: Connection, connect: Connect, patient: Patient) -> None:
    db.execute("insert into esdb.optional_indexes values ('streams', true, false)")
    finding = patient.has("index_missing", "optional index streams", "warning")
    with connect(autocommit=False) as making:
        making.execute("select pg_advisory_xact_lock(29284::bigint << 48)")
        assert patient.findings("index_missing") == [], "esdb indexes is at work"
    patient.mend(finding)
    patient.is_well("index_missing", "optional index streams")


def test_indexes_that_nobody_uses(db: Connection, esdb: Esdb, connect: Connect, patient: Patient) -> None:
    assert esdb("indexes", "enable", "correlation").returncode == 0
    db.execute("create index mine on esdb.streams (created_at)")
    db.execute("update pg_class set relpages = 200 where relname = 'mine' or relname like '%\\_correlated'")
    db.execute("update pg_class set relpages = 200 where relname like '%\\_caused\\_by'")
    assert patient.findings("index_unused") == []
    then = later(patient, connect, days=31)
    then.mended("index_unused", "optional index correlation", "notice")
    then.mended("index_unused", "index esdb.mine", "notice")
