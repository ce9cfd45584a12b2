"""What `esdb doctor` finds in a server's settings and state: each finding is provoked, and what it says makes it go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from esdb_cli.server import LocalServer
from tests.databases import Databases, run_esdb
from tests.doctor_support import Patient
from tests.feed_clock import Clock
from tests.feed_support import append, append_many, until, value
from tests.fixtures import Connection, bindir, folder_of
from tests.standby import Servers

pytestmark = pytest.mark.xdist_group("doctor")

CONNECTIONS = 16


@pytest.fixture(scope="module")
def own(pytestconfig: pytest.Config) -> Iterator[LocalServer]:
    """A durable server with small limits and a store, whose settings can be altered."""
    server = LocalServer(bindir=bindir(), durable=True, max_connections=CONNECTIONS, parent=folder_of(pytestconfig))
    with server:
        for command in (["migrate"], ["partitions", "create-next"]):
            result = run_esdb(*command, url=server.url())
            assert result.returncode == 0, result.stderr
        yield server


@pytest.fixture
def db(own: LocalServer) -> Iterator[Connection]:
    with psycopg.connect(own.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def patient(own: LocalServer) -> Patient:
    return Patient(own.url())


def set_up(server: LocalServer, **settings: str | int) -> None:
    """Alter settings and restart."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for name, text in settings.items():
            connection.execute(f"alter system set {name} = '{text}'")
    server.restart()


@pytest.mark.parametrize(
    ("setting", "severity"),
    [("fsync", "critical"), ("full_page_writes", "critical"), ("synchronous_commit", "warning")],
)
def test_a_setting_that_loses_events(db: Connection, patient: Patient, setting: str, severity: str) -> None:
    db.execute(f"alter system set {setting} = off")
    db.execute("select pg_reload_conf()")
    patient.mended("not_durable", f"setting {setting}", severity)


def test_a_role_and_a_database_that_lose_events(db: Connection, patient: Patient) -> None:
    db.execute("create role hasty login")
    for sentence, subject in (
        ("alter role hasty set synchronous_commit = off", "role hasty"),
        ("alter role hasty in database postgres set synchronous_commit = off", "role hasty in database postgres"),
        ("alter database postgres set synchronous_commit = off", "database postgres"),
        ("alter role all set synchronous_commit = off", "all roles"),
    ):
        db.execute(sentence.encode())
        patient.mended("not_durable", subject, "warning")
    db.execute("drop role hasty")


def test_a_setting_of_the_command_line_is_for_a_person(databases: Databases, db_url: str) -> None:
    assert not databases.server.durable
    finding = Patient(db_url).has("not_durable", "setting fsync", "critical")
    assert (finding["mend_by"], finding["mend"]) == ("hand", "start the server with -c fsync=on, or without the option")


@pytest.mark.parametrize("setting", ["autovacuum", "track_counts"])
def test_autovacuum_is_off(db: Connection, patient: Patient, setting: str) -> None:
    db.execute(f"alter system set {setting} = off")
    db.execute("select pg_reload_conf()")
    patient.mended("autovacuum_off", f"setting {setting}", "warning")


def test_the_log_is_archived_nowhere_then_badly_then_late(own: LocalServer, patient: Patient) -> None:
    set_up(own, archive_mode="off")
    finding = patient.has("no_wal_archive", "setting archive_mode", "warning")
    patient.mend(finding, **{"pgbackrest --stanza=STANZA archive-push %p": "false"})
    own.restart()
    patient.is_well("no_wal_archive", "setting archive_mode")

    with psycopg.connect(own.url(), autocommit=True) as db:
        append(db, "archived")
        db.execute("select pg_switch_wal()")
        finding = patient.has("wal_archive_failing", "setting archive_command", "critical")
        assert "the last success was never" in finding["fact"]
        patient.mend(finding, **{"pgbackrest --stanza=STANZA archive-push %p": "true"})
        patient.is_well("wal_archive_failing", "setting archive_command")

        append_many(db, "archived", 1000)
        assert patient.findings("wal_archive_late") == []
        clock = Clock(lambda **_: psycopg.connect(own.url(), autocommit=True))
        environment = clock.environment(datetime.now(UTC) + timedelta(hours=2))
        Patient(own.url(), env=environment).mended("wal_archive_late", "archive", "warning")
        db.execute("drop function pg_catalog.clock_timestamp()")
        db.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")

        db.execute("alter system set archive_command = ''")
        db.execute("select pg_reload_conf()")
        finding = patient.has("wal_archive_failing", "setting archive_command", "critical")
        assert "it is empty" in finding["fact"]
        patient.mend(finding, **{"pgbackrest --stanza=STANZA archive-push %p": "true"})
        patient.is_well("wal_archive_failing", "setting archive_command")


def test_a_slot_that_nobody_reads(own: LocalServer, patient: Patient) -> None:
    set_up(own, max_wal_size="32MB", min_wal_size="32MB")
    with psycopg.connect(own.url(), autocommit=True) as db:
        db.execute("select pg_create_physical_replication_slot('left', true)")
        assert patient.findings("slot_left_over") == []
        while value(db, "select wal_status = 'reserved' from pg_replication_slots"):
            db.execute("create table noise as select 1")
            db.execute("drop table noise")
            db.execute("select pg_switch_wal()")
    patient.mended("slot_left_over", "replication slot left", "critical")


def test_the_lock_table_is_nearly_full(own: LocalServer, patient: Patient) -> None:
    set_up(own, max_locks_per_transaction=10)
    with psycopg.connect(own.url(), autocommit=True) as holder:
        assert patient.findings("lock_table_full") == []
        holder.execute("select count(pg_advisory_lock(n)) from generate_series(1, 290) as n")
        patient.mended("lock_table_full", f"pid {holder.info.backend_pid}", "critical")


def test_the_lock_table_is_small_for_the_partitions(own: LocalServer, patient: Patient) -> None:
    set_up(own, max_locks_per_transaction=10)
    assert patient.findings("lock_table_small") == []
    for months in (12, 24, 36):
        result = run_esdb("partitions", "create-next", "--months", str(months), url=own.url())
        assert result.returncode == 0, result.stderr
    finding = patient.has("lock_table_small", "setting max_locks_per_transaction", "warning")
    patient.mend(finding)
    own.restart()
    patient.is_well("lock_table_small", "setting max_locks_per_transaction")


@pytest.mark.parametrize(("taken", "severity"), [(10, "warning"), (12, "critical")])
def test_connections_run_out(own: LocalServer, patient: Patient, taken: int, severity: str) -> None:
    assert patient.findings("connections_short") == []
    with ExitStack() as stack:
        for _ in range(taken):
            stack.enter_context(psycopg.connect(own.url(), autocommit=True, application_name="shop web"))
        finding = patient.mended("connections_short", "connections", severity)
        assert f"{taken} of those of 'shop web' idle" in finding["fact"]


def test_transaction_ids_run_out(own: LocalServer, patient: Patient) -> None:
    set_up(own, autovacuum="off")
    with psycopg.connect(own.url("template1"), autocommit=True) as other:
        assert patient.findings("wraparound") == []
        for used, severity in ((1_100_000_000, "warning"), (1_700_000_000, "critical")):
            other.execute(
                "update pg_database set datfrozenxid ="
                " ((txid_current() - %s + 4294967296) %% 4294967296)::text::xid where datname = 'template1'",
                (used,),
            )
            finding = patient.has("wraparound", "database template1", severity)
            assert finding["mend"] == "vacuumdb --freeze --dbname=template1"
            # what that program does there
            other.execute("vacuum (freeze)")
            patient.is_well("wraparound", "database template1")
    with psycopg.connect(own.url(), autocommit=True) as db:
        db.execute("update pg_database set datminmxid = '3000000000' where datname = 'postgres'")
    patient.mended("wraparound", "database postgres", "warning")


def test_a_collation_that_has_changed(own: LocalServer) -> None:
    with psycopg.connect(own.url(), autocommit=True) as connection:
        connection.execute(
            "create database sorted template template0 encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'und'"
        )
        url = own.url("sorted")
        assert run_esdb("migrate", url=url).returncode == 0
        patient = Patient(url)
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("create collation german (provider = icu, locale = 'de')")
            db.execute("create table words (word text, name text collate german)")
            assert patient.findings("collation_changed") == []
            db.execute("update pg_database set datcollversion = '1' where datname = 'sorted'")
            db.execute("update pg_collation set collversion = '1' where collname = 'german'")
            finding = patient.mended("collation_changed", "database sorted", "critical")
            assert "streams_pkey" not in finding["mend"], "ids are sorted by bytes"
            assert patient.findings("collation_changed") == [], "nothing is sorted as german"
            db.execute("update pg_database set datcollversion = '1' where datname = 'sorted'")
            db.execute("create index on words (word)")
            db.execute("create index on words (name)")
            assert "words_word_idx" in patient.mended("collation_changed", "database sorted", "critical")["mend"]
            assert (
                "words_name_idx" in patient.mended("collation_changed", "collation public.german", "critical")["mend"]
            )
        until(
            lambda: not value(connection, "select count(*) from pg_stat_activity where datname = 'sorted'"), "the end"
        )
        connection.execute("drop database sorted")


def test_a_standby_is_examined(servers_folder: Path) -> None:
    servers = Servers(servers_folder)
    try:
        primary = servers.primary(archive_mode="on")
        standby = servers.standby(primary)
        result = run_esdb("doctor", "--json", url=standby.url())
        assert result.returncode == 3, result.stderr
        names = {finding["finding"] for finding in json.loads(result.stdout)["findings"]}
        assert "public_connect" in names
        assert names.isdisjoint({"check_failed", "wal_archive_failing"}), result.stdout
    finally:
        servers.close()
