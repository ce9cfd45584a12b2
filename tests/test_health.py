"""`esdb health`: each check passes, and fails by what it is there for; no server, stopped servers, every role."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from esdb_cli.db import connect as connect_as_commands_do
from esdb_cli.deadline import Deadline
from esdb_cli.health import CHECKS
from esdb_cli.server import LocalServer
from tests.databases import run_esdb
from tests.feed_clock import Clock
from tests.feed_support import append, until, value
from tests.fixtures import Connect, Connection, Esdb, NewServer
from tests.standby import Servers, connected, has_replayed

NAMES = ["reachable", *CHECKS]
ROLES = ["esdb_reader", "esdb_writer", "esdb_consumer", "esdb_maintainer"]


def checks(result: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Give what each check found; the exit code and the status agree with it."""
    told = json.loads(result.stdout)
    found = {row["check"]: row for row in told["checks"]}
    is_well = all(row["result"] != "failed" for row in found.values())
    assert told["status"] == ("ok" if is_well else "failed")
    if found["reachable"]["result"] == "ok":
        assert result.returncode == (0 if is_well else 3), result.stderr
    return found


def failed(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Give the details of the checks that failed."""
    return {name: row["detail"] for name, row in checks(result).items() if row["result"] == "failed"}


def test_a_new_store_is_live_and_ready(esdb: Esdb) -> None:
    assert list(checks(esdb("health", "live", "--json"))) == ["reachable"]
    found = checks(esdb("health", "ready", "--json"))
    assert list(found) == NAMES
    assert {row["result"] for row in found.values()} == {"ok"}
    assert all(row["seconds"] >= 0 and row["hint"] is None for row in found.values())
    table = esdb("health", "ready")
    assert (table.returncode, table.stderr) == (0, "")
    assert [line.split()[0] for line in table.stdout.splitlines()[2:]] == NAMES


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_ask(esdb: Esdb, role: str) -> None:
    result = esdb("health", "ready", "--json", env={"PGOPTIONS": f"-c role={role}"})
    assert failed(result) == {}


def test_no_server_is_5_and_told_as_json_too(esdb: Esdb) -> None:
    for command in ("live", "ready"):
        result = esdb("health", command, "--json", url="postgresql://postgres:secret@127.0.0.1:1/none")
        assert result.returncode == 5
        assert list(failed(result)) == ["reachable"]
        assert "refused" in failed(result)["reachable"]
        assert result.stderr.startswith("esdb: cannot connect to the database\n")
        assert "secret" not in result.stdout + result.stderr
    none = run_esdb("health", "live", "--json", url=None)
    assert (none.returncode, none.stdout) == (2, "")


def test_a_database_without_the_store_is_live_and_not_ready(esdb: Esdb, empty_db_url: str) -> None:
    assert esdb("health", "live", url=empty_db_url).returncode == 0
    found = checks(esdb("health", "ready", "--json", url=empty_db_url))
    assert [name for name, row in found.items() if row["result"] == "failed"] == NAMES[1:]
    assert found["migrated"]["hint"] == "run `esdb migrate`"


def test_files_that_differ_are_pending(db: Connection, esdb: Esdb) -> None:
    db.execute("update esdb_meta.checksums set sha256 = 'x' where id = 'views/metrics.sql'")
    assert failed(esdb("health", "ready", "--json")) == {"migrated": "pending or changed: views/metrics.sql"}
    db.execute("delete from esdb_meta.checksums where id like 'views/%'")
    result = esdb("health", "ready")
    assert result.returncode == 3
    assert "more" in result.stdout
    assert result.stderr == "migrated: `esdb status` tells more; run `esdb migrate`\n"
    assert esdb("health", "ready", "--skip", "migrated").returncode == 0


def test_a_newer_store_is_told(db: Connection, esdb: Esdb) -> None:
    db.execute("insert into esdb_meta.checksums (id, kind, sha256) values ('9999_later', 'versioned', 'x')")
    assert failed(esdb("health", "ready", "--json")) == {"migrated": "the store is newer than this package: 9999_later"}


def test_months_and_overflows_that_are_missing(db: Connection, esdb: Esdb) -> None:
    db.execute("select esdb.set_setting('partitions_ahead', '5')")
    found = failed(esdb("health", "ready", "--json"))
    assert list(found) == ["partitions"]
    assert found["partitions"].startswith(
        "bookmark: months ahead of the clock: 3, wanted: 5; c: months ahead of the clock: 3, wanted: 5; "
    )
    db.execute("select esdb.set_setting('partitions_ahead')")
    db.execute("drop table esdb.events_note_overflow")
    only = esdb("health", "ready", "--json", "--only", "partitions")
    assert failed(only) == {"partitions": "note: no overflow, appends after the last month fail"}
    assert esdb("partitions", "create-next").returncode == 0
    assert esdb("health", "ready").returncode == 0


def test_an_overflow_that_is_used(db: Connection, connect: Connect, esdb: Esdb) -> None:
    clock = Clock(connect)
    months_end = value(db, "select max(lower_bound) from esdb.partitions where bounded_context = 'b'")
    append(clock.connect(months_end + timedelta(days=1)), "s")
    found = failed(esdb("health", "ready", "--json", "--only", "partitions"))
    assert list(found) == ["partitions"]
    assert "bookmark: the overflow holds events since " in found["partitions"]


def test_the_first_day_of_a_month_is_the_job_s(db: Connection, connect: Connect, esdb: Esdb) -> None:
    clock = Clock(connect)
    begins = value(db, "select esdb._utc_month(now(), 1)")
    for hours, code in ((1, 0), (23, 0), (25, 3)):
        environment = clock.environment(begins + timedelta(hours=hours))
        assert esdb("health", "ready", "--only", "partitions", env=environment).returncode == code, hours


def test_a_database_that_is_read_only(db: Connection, esdb: Esdb) -> None:
    name = db.info.dbname
    db.execute(f"alter database {name} set default_transaction_read_only = on")
    assert failed(esdb("health", "ready", "--json")) == {"writable": "transactions are read-only"}


def test_a_standby_takes_no_writes(servers_folder: Path) -> None:
    servers = Servers(servers_folder)
    try:
        primary = servers.primary()
        standby = servers.standby(primary)
        with connected(primary) as writer, connected(standby) as reader:
            append(writer, "s")
            writer.execute("select esdb.refresh_event_statistics()")
            has_replayed(writer, reader)
            clock = "select esdb._statistics_refreshed()"
            assert value(reader, clock) == value(writer, clock)
        result = run_esdb("health", "ready", "--json", url=standby.url())
        assert failed(result) == {"writable": "the server is a standby, or still recovering"}
        assert run_esdb("health", "ready", "--skip", "writable", url=standby.url()).returncode == 0
        assert run_esdb("health", "ready", url=primary.url()).returncode == 0
        told = run_esdb("metrics", url=standby.url())
        assert told.returncode == 0, told.stderr
        assert "\nesdb_is_standby 1.0\n" in told.stdout
    finally:
        servers.close()


def test_a_synchronous_standby_that_is_away_is_noticed(new_server: NewServer) -> None:
    """A commit waits for it, and no statement_timeout ends that."""
    server = new_server()
    assert run_esdb("migrate", url=server.url()).returncode == 0
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("alter system set synchronous_standby_names = 'nobody'")
        connection.execute("select pg_reload_conf()")
        until(lambda: value(connection, "show synchronous_standby_names") == "nobody", "the setting")
        begun = time.monotonic()
        result = run_esdb("health", "ready", "--json", "--timeout", "1", "--skip", "mark", url=server.url())
        assert time.monotonic() - begun < 60
        found = failed(result)
        assert found["writable"] == "no answer within 1 seconds"
        assert set(found) == {"writable", "statistics"}
        assert run_esdb("health", "live", url=server.url()).returncode == 0


@pytest.fixture
def held_up(db: Connection, connect: Connect) -> Connection:
    """A transaction behind whose append another's waits to be read."""
    append(db, "before")
    idle = connect(autocommit=False)
    append(idle, "idle")
    append(db, "behind")
    return idle


def test_a_mark_that_is_stuck(held_up: Connection, esdb: Esdb) -> None:
    assert failed(esdb("health", "ready", "--json")) == {}
    stuck = esdb("health", "ready", "--json", "--mark-seconds", "0")
    assert list(failed(stuck)) == ["mark"]
    assert failed(stuck)["mark"].startswith("2 events wait behind it, for ")
    assert f"pg_terminate_backend({held_up.info.backend_pid})" in checks(stuck)["mark"]["hint"]
    held_up.rollback()
    assert esdb("health", "ready", "--mark-seconds", "0").returncode == 0


def test_an_open_append_that_holds_up_nobody(db: Connection, connect: Connect, esdb: Esdb) -> None:
    append(db, "before")
    idle = connect(autocommit=False)
    idle.execute("select esdb._announce(false)")
    assert esdb("health", "ready", "--mark-seconds", "0").returncode == 0


def test_ages_that_nobody_may_see_are_unknown(new_server: NewServer) -> None:
    """The owner is an ordinary role, and so is who asks; to either pg_monitor can be granted."""
    server = new_server(durable=False)
    with psycopg.connect(server.url(), autocommit=True) as administrator:
        for statement in (
            "create role shop_owner login createrole", "create role shop_probe login", "create role shop_app login",
            "create database shop owner shop_owner",
        ):  # fmt: skip
            administrator.execute(statement)
        assert run_esdb("migrate", url=server.url("shop", user="shop_owner")).returncode == 0
        administrator.execute("grant esdb_reader to shop_probe")
        administrator.execute("grant esdb_writer to shop_app")
        probe = server.url("shop", user="shop_probe")
        with _appending(server) as (idle, writer):
            append(idle, "idle")
            append(writer, "behind")
            for grant, results in (
                ("select", {"0": "unknown"}),
                ("grant pg_monitor to shop_probe", {"0": "failed", "3600": "ok"}),
                ("revoke pg_monitor from shop_probe", {"0": "unknown"}),
                ("grant pg_monitor to shop_owner", {"0": "failed", "3600": "ok"}),
            ):
                administrator.execute(grant)
                for seconds, expected in results.items():
                    result = run_esdb("health", "ready", "--json", "--mark-seconds", seconds, url=probe)
                    assert checks(result)["mark"]["result"] == expected, (grant, seconds)
                assert ("pg_monitor" in (checks(result)["mark"]["hint"] or "")) == (expected == "unknown")
                # without a sample rather than with a wrong one
                told = run_esdb("metrics", url=probe).stdout
                assert "\nesdb_open_appends 1.0\n" in told
                has_age = "\nesdb_oldest_open_append_seconds " in told
                assert has_age == (grant == "grant pg_monitor to shop_probe")


@contextmanager
def _appending(server: LocalServer) -> Iterator[tuple[Connection, Connection]]:
    url = server.url("shop", user="shop_app")
    with psycopg.connect(url) as idle, psycopg.connect(url, autocommit=True) as writer:
        yield idle, writer
        idle.rollback()


def test_statistics_that_are_old(db: Connection, esdb: Esdb) -> None:
    db.execute("update esdb.epoch_records set began_at = now() - interval '37 hours'")
    assert failed(esdb("health", "ready", "--json")) == {"statistics": "never refreshed"}
    assert esdb("health", "ready", "--statistics-hours", "38").returncode == 0
    assert esdb("refresh-stats").returncode == 0
    assert esdb("health", "ready").returncode == 0
    db.execute("select setval('esdb.statistics_clock', esdb._microseconds() - 37 * 3600 * 1000000::bigint)")
    assert failed(esdb("health", "ready", "--json")) == {"statistics": "refreshed 37.0 hours ago"}


def test_a_refresh_that_fails_makes_nothing_fresh(db: Connection, connect: Connect) -> None:
    db.execute("select esdb.refresh_event_statistics()")
    holder, other = connect(autocommit=False), connect()
    holder.execute("select esdb.refresh_event_statistics()")
    before = value(db, "select esdb._statistics_refreshed()")
    other.execute("set lock_timeout = '10ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        other.execute("select esdb.refresh_event_statistics()")
    assert value(db, "select esdb._statistics_refreshed()") == before


def test_one_check_that_raises_stops_no_other(db: Connection, esdb: Esdb) -> None:
    db.execute("drop function esdb._partition_status cascade")
    found = checks(esdb("health", "ready", "--json", "--skip", "migrated"))
    assert found["partitions"]["result"] == "failed"
    assert "_partition_status" in found["partitions"]["detail"]
    assert {row["result"] for name, row in found.items() if name != "partitions"} == {"ok"}


def test_a_server_that_is_stopped_is_no_reason_to_wait(new_server: NewServer) -> None:
    server = new_server(durable=False)
    process = int((server.data / "postmaster.pid").read_text().split()[0])
    os.kill(process, signal.SIGSTOP)
    try:
        result = run_esdb("health", "live", "--json", "--timeout", "1", url=server.url())
    finally:
        os.kill(process, signal.SIGCONT)
    assert result.returncode == 5
    assert run_esdb("health", "live", url=server.url()).returncode == 0


def test_a_session_that_is_stopped_is_cut(db_url: str) -> None:
    with connect_as_commands_do(db_url) as connection:
        process = connection.info.backend_pid
        os.kill(process, signal.SIGSTOP)
        try:
            with Deadline(connection, 0.1) as deadline, pytest.raises(psycopg.OperationalError):
                connection.execute("select")
        finally:
            os.kill(process, signal.SIGCONT)
        assert deadline.is_past
        assert connection.broken


def test_a_statement_that_takes_too_long_is_cancelled_and_the_connection_stays(db: Connection) -> None:
    with Deadline(db, 0.1) as deadline, pytest.raises(psycopg.errors.QueryCanceled):
        db.execute("select pg_sleep(60)")
    assert deadline.is_past
    with Deadline(db, 60) as deadline:
        assert value(db, "select 1") == 1
    assert not deadline.is_past
