"""`esdb metrics`: every metric has its value, whoever asks; files, the port, stores that are away."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
import urllib.request
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from esdb_cli.server import LocalServer
from tests import tools
from tests.databases import COMMAND_TIMEOUT, run_esdb
from tests.feed_clock import Clock
from tests.feed_support import Crew, append, append_many, until, value
from tests.fixtures import Connect, Connection, Esdb, NewServer
from tests.metrics_support import Exporter, Labels, Samples, only, store_with_everything, told
from tests.pgbouncer import Pooled
from tests.seal_support import PastMonth

NOWHERE = "postgresql://postgres:secret@127.0.0.1:1/none"
BOOKMARK: Labels = frozenset({("bounded_context", "b")})
NO_LABELS: Labels = frozenset()


@pytest.fixture
def everything(new_server: NewServer) -> LocalServer:
    """A server whose store has a sample of each metric."""
    return store_with_everything(new_server)


def test_every_metric_has_a_sample_and_is_well_formed(everything: LocalServer, tmp_path: Path) -> None:
    found = told(everything.url())
    with psycopg.connect(everything.url()) as connection:
        families = {name for (name,) in connection.execute("select metric from esdb._metric_families()")}
    own = {"esdb_up", "esdb_scrape_seconds", "esdb_info", "esdb_schema_current"}
    assert set(found) == families | own
    assert [name for name, samples in found.items() if not samples] == []
    file = tmp_path / "esdb.prom"
    assert run_esdb("metrics", "--textfile", str(file), url=everything.url()).returncode == 0
    promtool = [str(tools.prometheus_program("promtool")), "check", "metrics"]
    with file.open() as text:
        checked = subprocess.run(promtool, stdin=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_values_are_those_of_the_store(everything: LocalServer) -> None:
    with psycopg.connect(everything.url(), autocommit=True) as connection:
        until(lambda: value(connection, "select pg_stat_get_live_tuples('esdb.streams'::regclass) = 5"), "statistics")
        # what counts the rows of a table is sent when a session has been idle for a moment, or ends
        until(lambda: told(everything.url())["esdb_streams"][NO_LABELS] == 5, "statistics seen by others")
        found = told(everything.url())
        plain = {name: samples[NO_LABELS] for name, samples in found.items() if NO_LABELS in samples}
        assert plain["esdb_up"] == plain["esdb_schema_current"] == 1
        assert (plain["esdb_positions_total"], plain["esdb_feed_position"]) == (8, 8)
        assert plain["esdb_feed_behind_events"] == plain["esdb_feed_behind_seconds"] == plain["esdb_open_appends"] == 0
        assert (plain["esdb_is_standby"], plain["esdb_epoch"]) == (0, 1)
        assert (plain["esdb_snapshots"], plain["esdb_idempotency_keys"]) == (1, 5)
        assert found["esdb_events"][BOOKMARK] == 8
        assert sum(found["esdb_events"].values()) == 8
        assert found["esdb_partitions_ahead"][BOOKMARK] == found["esdb_partitions_wanted"][BOOKMARK] == 3
        assert set(found["esdb_overflow_events"].values()) == set(found["esdb_partition_faults"].values()) == {0}
        assert set(found["esdb_seals_due"].values()) == {0}
        for name in ("esdb_last_seal_timestamp_seconds", "esdb_last_refresh_timestamp_seconds"):
            assert 0 <= time.time() - plain[name] < 600
        appended = found["esdb_partition_appends_total"]
        assert sum(count for labels, count in appended.items() if labels >= BOOKMARK) == 8
        assert all(dict(labels)["partition"].startswith("events_") for labels in appended)
        _assert_subscriptions(found)
        _assert_calls(found)
        sizes = "select pg_total_relation_size('esdb.streams'), pg_relation_size('esdb.streams', 'fsm')"
        total, maps = connection.execute(sizes).fetchone() or (0, 0)
        streams = [size for labels, size in found["esdb_size_bytes"].items() if ("relation", "streams") in labels]
        assert total - 2 * maps - 16384 <= sum(streams) <= total


def _assert_subscriptions(found: Samples) -> None:
    mails: Labels = frozenset({("subscription", "mails")})
    assert found["esdb_subscription_behind_events"][mails] == 7
    assert 0 < found["esdb_subscription_behind_seconds"][mails] < 600
    assert found["esdb_parked_events"] == {
        mails | {("state", "failed")}: 1, mails | {("state", "waiting")}: 0, mails | {("state", "retry")}: 0,
        mails | {("state", "replay")}: 0,
    }  # fmt: skip


def _assert_calls(found: Samples) -> None:
    counts: dict[str, float] = {}
    for labels, count in found["esdb_call_count_total"].items():
        assert dict(labels)["role"] == "postgres"
        assert found["esdb_call_seconds_total"][labels] > 0
        counts[dict(labels)["function"]] = counts.get(dict(labels)["function"], 0) + count
    # nothing of what made the functions, and not what they call themselves
    assert counts == {"append_event": 5, "append_events": 1, "load_aggregate": 1, "claim_events": 1}


def test_calls_are_found_however_they_are_written(everything: LocalServer) -> None:
    with psycopg.connect(everything.url(), autocommit=True) as connection:
        connection.execute("select extensions.pg_stat_statements_reset()")
        for statement in (
            '/* app */ select "esdb"."stream_version"(\'s\'), (select count(*) from "esdb"."read_stream" (\'s-0\'))',
            "-- why\n  SELECT * FROM esdb.append_event('s-0', 'T', '{}')",
            "with e as (select * from esdb.read_stream('s-0')) select count(*) from e",
            "set search_path = esdb, public",
            "select read_stream('s-0')",
            "create view mine as select * from esdb.read_stream('s-0')",
            "explain select * from esdb.read_stream('s-0')",
            "select 'my_read_stream(' as quoted",
        ):
            connection.execute(statement)
        found = told(everything.url())["esdb_call_count_total"]
        functions = [dict(labels)["function"] for labels, count in found.items() for _ in range(int(count))]
        assert sorted(functions) == ["append_event", *["read_stream"] * 3]


def test_series_of_calls_never_step_back(everything: LocalServer) -> None:
    """A sum would, where the extension forgets a statement; one series a statement ends then."""
    url = everything.url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select * from esdb.read_stream('s-0')")
        connection.execute("select count(*) from esdb.read_stream('s-0')")
        before = told(url)["esdb_call_count_total"]
        query = "select queryid from extensions.pg_stat_statements where query ~ '^select count.*read_stream'"
        connection.execute("select extensions.pg_stat_statements_reset(0, 0, %s)", (value(connection, query),))
        after = told(url)["esdb_call_count_total"]
        assert len(before) == len(after) + 1
        assert all(count >= before[labels] for labels, count in after.items())


@pytest.mark.parametrize("role", ["esdb_reader", "esdb_maintainer"])
def test_a_role_without_powers_is_told_all_but_the_calls_of_others(everything: LocalServer, role: str) -> None:
    found = told(everything.url(), env={"PGOPTIONS": f"-c role={role}"})
    assert [name for name, samples in found.items() if not samples] == [
        "esdb_call_count_total", "esdb_call_seconds_total",
    ]  # fmt: skip
    with psycopg.connect(everything.url(), autocommit=True) as connection:
        connection.execute("create role shop_monitor login in role esdb_reader, pg_monitor")
        connection.execute("grant usage on schema extensions to shop_monitor")
    assert told(everything.url(user="shop_monitor"))["esdb_call_count_total"]


def test_who_may_not_read_it_is_told(esdb: Esdb) -> None:
    result = esdb("metrics", env={"PGOPTIONS": "-c role=esdb_writer"})
    assert result.returncode == 1
    assert "esdb_up 0.0\n" in result.stdout
    assert result.stderr.startswith("esdb: permission denied for view metrics\n")


def test_an_extension_that_is_not_loaded_gives_no_samples(db: Connection, db_url: str) -> None:
    assert told(db_url)["esdb_call_count_total"] == {}
    db.execute("create extension pg_stat_statements")
    assert told(db_url)["esdb_call_count_total"] == {}


def test_a_partition_fails_from_a_refusal_to_the_next_ack(db: Connection, db_url: str) -> None:
    append(db, "s")
    db.execute("update esdb.settings set value = '0' where name = 'retry_delay'")
    db.execute("select esdb.create_subscription('mails', partitions => 2)")
    mails: Labels = frozenset({("subscription", "mails")})

    def claim() -> int:
        return int(value(db, "select token from esdb.claim_events('mails', 'w', 1)"))

    def failing() -> float:
        return told(db_url)["esdb_subscription_failing_partitions"][mails]

    token = claim()
    assert failing() == 0
    db.execute("select esdb.nack('mails', %s, 1, 'no route')", (token,))
    assert failing() == 1
    token = claim()
    assert failing() == 1
    db.execute("select esdb.ack('mails', %s, 1)", (token,))
    assert failing() == 0


def test_an_open_append_and_what_waits_behind_it(db: Connection, db_url: str, connect: Connect) -> None:
    append(db, "s")
    idle = connect(autocommit=False)
    append(idle, "idle")
    append(db, "s")
    found = told(db_url)
    assert found["esdb_open_appends"][NO_LABELS] == 1
    assert found["esdb_feed_position"][NO_LABELS] == 1
    assert found["esdb_feed_behind_events"][NO_LABELS] == 2
    assert found["esdb_oldest_open_append_seconds"][NO_LABELS] > 0
    assert found["esdb_feed_behind_seconds"][NO_LABELS] > 0


def test_partitions_that_are_missing_and_an_overflow_that_is_used(
    db: Connection, db_url: str, connect: Connect
) -> None:
    months_end = value(db, "select max(lower_bound) from esdb.partitions where bounded_context = 'b'")
    late = Clock(connect)
    append_many(late.connect(months_end + timedelta(days=1)), "s", 3)
    until(lambda: told(db_url)["esdb_overflow_events"][BOOKMARK] == 3, "statistics seen by others")
    found = told(db_url, env=late.environment(months_end + timedelta(days=2)))
    assert found["esdb_partitions_ahead"][BOOKMARK] == -1
    assert found["esdb_partition_faults"][BOOKMARK] == 2
    assert found["esdb_seals_due"][BOOKMARK] > 0


def test_sealing_ends_series_and_lets_none_step_back(db: Connection, db_url: str, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill(5)
    past.fill_present()
    past.writer.close()
    past.present.execute("select pg_stat_force_next_flush()")
    until(lambda: told(db_url)["esdb_events"][BOOKMARK] == 6, "statistics seen by others")
    before = told(db_url)["esdb_partition_appends_total"]
    assert past.leaf in past.seal()
    found = told(db_url)
    after = found["esdb_partition_appends_total"]
    assert {dict(labels)["partition"] for labels in before.keys() - after.keys()} >= {past.leaf}
    assert all(count >= before[labels] for labels, count in after.items())
    assert found["esdb_events"][BOOKMARK] == 6
    assert only(found["esdb_last_seal_timestamp_seconds"].values()) > 0


def test_bytes_are_those_of_the_partitions(db: Connection, db_url: str) -> None:
    append_many(db, "s", 500)
    db.execute("vacuum analyze")
    columns = "sum(table_bytes), sum(index_bytes), sum(toast_bytes)"
    sizes = db.execute(f"select {columns} from esdb.partitions where bounded_context = 'b'").fetchone()
    found = told(db_url)["esdb_size_bytes"]
    of_bookmarks = {dict(labels)["part"]: size for labels, size in found.items() if labels >= BOOKMARK}
    table, index, toast = sizes or (0, 0, 0)
    assert of_bookmarks["table"] == table
    # of months to come the catalog's pages are taken, without the maps of free space
    assert index - 6 * 3 * 8192 <= of_bookmarks["index"] <= index
    assert toast - 6 * 3 * 8192 <= of_bookmarks["toast"] <= toast


def test_a_file_is_written_as_a_whole(esdb: Esdb, tmp_path: Path) -> None:
    file = tmp_path / "esdb.prom"
    file.write_text("before")
    kept = file.open()
    result = esdb("metrics", "--textfile", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with kept:
        assert kept.read() == "before"
    assert "\nesdb_up 1.0\n" in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) & 0o444 == 0o444 & ~_umask()
    away = esdb("metrics", "--textfile", str(file), url=NOWHERE)
    assert away.returncode == 5
    assert "\nesdb_up 0.0\n" in file.read_text()
    assert "secret" not in file.read_text() + away.stderr
    no_folder = esdb("metrics", "--textfile", str(tmp_path / "none" / "esdb.prom"))
    assert no_folder.returncode == 1
    assert re.fullmatch(r"esdb: \S+/none/esdb\.prom\S*: No such file or directory\n", no_folder.stderr)
    none = run_esdb("metrics", url=None)
    assert (none.returncode, none.stdout) == (2, "")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_they_are_served_through_a_restart_of_the_server(new_server: NewServer) -> None:
    server = new_server()
    assert run_esdb("migrate", url=server.url()).returncode == 0
    with Exporter(server.url()) as exporter:
        assert exporter.lines == []
        assert exporter.scrape()["esdb_up"][NO_LABELS] == 1
        server.stop("immediate")
        for _ in range(2):
            away = exporter.scrape()
            assert away["esdb_up"][NO_LABELS] == 0
            assert set(away) == {"esdb_up", "esdb_scrape_seconds"}
        server.start()
        until(lambda: exporter.scrape()["esdb_up"][NO_LABELS] == 1, "the store to answer again")
        with urllib.request.urlopen(exporter.address, timeout=COMMAND_TIMEOUT) as response:  # noqa: S310 - our own
            assert response.headers["Content-Type"].startswith("text/plain")
        exporter.process.terminate()
        _, messages = exporter.process.communicate(timeout=COMMAND_TIMEOUT)
        assert exporter.process.returncode == 0
        # a failure is told once, not at each scrape
        assert len(messages.splitlines()) == 1
        assert messages.startswith("cannot connect to the database: ")


def test_a_store_that_is_away_at_first_is_no_reason_to_end(db_url: str) -> None:
    with Exporter(NOWHERE) as exporter:
        assert [line.partition(":")[0] for line in exporter.lines] == ["cannot connect to the database"]
        assert "secret" not in exporter.lines[0]
        assert exporter.scrape()["esdb_up"][NO_LABELS] == 0
    none = run_esdb("metrics", "--serve", "127.0.0.1:0", url=None)
    assert none.returncode == 2
    assert "no database given" in none.stderr
    with Exporter(db_url) as exporter:
        port = exporter.address.removesuffix("/metrics").rpartition(":")[2]
        second = run_esdb("metrics", "--serve", f"127.0.0.1:{port}", url=db_url)
        assert second.returncode == 1
        assert second.stderr == f"esdb: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
        exporter.process.send_signal(signal.SIGINT)
        exporter.process.communicate(timeout=COMMAND_TIMEOUT)
        assert exporter.process.returncode == 130


def test_scrapes_at_once_take_turns_and_one_that_hangs_ends(db: Connection, db_url: str, connect: Connect) -> None:
    holder = connect(autocommit=False)
    holder.execute("lock table esdb.subscription_definitions in access exclusive mode")
    with Exporter(db_url, "--timeout", "0.5") as exporter:
        crew = Crew()
        told_up: list[float] = []
        for _ in range(3):
            crew.start(lambda: told_up.append(exporter.scrape()["esdb_up"][NO_LABELS]))
        crew.join()
        assert told_up == [0, 0, 0]
        holder.rollback()
        sessions = (
            "select count(*) from pg_stat_activity where application_name = 'esdb' and datname = current_database()"
        )
        until(lambda: value(db, sessions) == 0, "no session to be left")
        until(lambda: exporter.scrape()["esdb_up"][NO_LABELS] == 1, "the store to answer")


@pytest.mark.parametrize("address", ["9187", ":9187", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_a_wrong_address_is_refused(esdb: Esdb, address: str) -> None:
    result = esdb("metrics", "--serve", address)
    assert result.returncode == 2
    assert "ADDRESS:PORT" in result.stderr


def test_one_thing_at_a_time(esdb: Esdb) -> None:
    assert esdb("metrics", "--rules", "--textfile", "x").returncode == 2
    assert run_esdb("metrics", "--rules", "--dashboard", url=None).stdout.startswith("{")


def test_they_come_through_a_pooler_too(db_url: str, pooled: Pooled) -> None:
    url = pooled(db_url)
    assert told(url)["esdb_up"][NO_LABELS] == 1
    ready = run_esdb("health", "ready", url=url)
    assert ready.returncode == 0, ready.stdout
