"""No operation needs more locks than the lock table of a server with default settings has room for.

The server of these tests has half of that room, and the store 120 months of nine contexts, all of which may hold
events for all that the readers know.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from esdb_cli.render import render
from esdb_cli.server import LocalServer
from tests.databases import run_esdb
from tests.feed_clock import CLOCK, Clock, month_after
from tests.feed_support import value
from tests.fixtures import Connection, bindir, folder_of
from tests.import_support import event, text

pytestmark = pytest.mark.xdist_group("locks")

MONTHS = 118
CONNECTIONS = 30
"""With max_locks_per_transaction = 64 the table has room for (30 + some 20 of the server's own) * 64 locks; with the
default of 100 connections it has for (100 + some 20) * 64."""
MOST_HELD = 1100
"""Locks that a call may hold: those of one context's leaves and of their indexes."""


@pytest.fixture(scope="module")
def old_store(pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a store with a stream in three of its 120 months."""
    server = LocalServer(bindir=bindir(), max_connections=CONNECTIONS, parent=folder_of(pytestconfig))
    with server:
        url = server.url()
        for arguments in (["migrate"], ["partitions", "create-next", "--months", str(MONTHS)]):
            result = run_esdb(*arguments, url=url)
            assert result.returncode == 0, result.stderr
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("""
                insert into esdb.events
                    (position, id, bounded_context, group_context, feature_context, action_type, aggregate_type,
                     aggregate_id, event_type, version, timestamp, payload, metadata)
                select nextval('esdb.event_position'), 'id-' || v, 'b', 'm', 'u', 'update', 'bookmark', 's', 'T', v,
                    esdb._utc_month(now(), (v - 1) * 59), '{}', '{"correlation_id": "c"}'
                from generate_series(1, 3) as v;
                insert into esdb.streams
                    (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at,
                     updated_at)
                values ('s', 'bookmark', 'b', 'm', 3, 3, esdb._utc_month(now()), esdb._utc_month(now(), 118));
                insert into esdb.stream_months (aggregate_id, month, first_version)
                values ('s', esdb._utc_month(now(), 59), 2), ('s', esdb._utc_month(now(), 118), 3);
                select esdb._raise_newest_month(esdb._utc_month(now(), 118));
            """)
            # as many indexes as a partition can have that is read like an unsealed one
            for (partition,) in connection.execute("select partition from esdb.partitions").fetchall():
                connection.execute(render("index_partition", {"partition": partition}))
        yield url


@pytest.fixture
def session(old_store: str) -> Iterator[Connection]:
    """A session of its own: no plan or cache of another test."""
    with psycopg.connect(old_store, autocommit=True) as connection:
        yield connection


def held(connection: Connection) -> int:
    """Give how many locks on tables and indexes the open transaction holds."""
    query = "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'relation'"
    count = value(connection, query)
    assert isinstance(count, int)
    return count


def test_a_query_of_all_leaves_has_no_room(session: Connection) -> None:
    """Else the other tests would prove nothing."""
    assert value(session, "select count(*) from esdb.partitions") == 9 * (MONTHS + 3)
    with pytest.raises(errors.OutOfMemory, match="shared memory"):
        session.execute("select max(position) from esdb.events")


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("select esdb.append_event('new', 'T', '{}', bounded_context => 'b', group_context => 'm')", 30),
        ("select * from esdb.read_stream('s', from_version => 3)", 16),
        ("select * from esdb.read_stream('s')", 50),
        ("select * from esdb.load_aggregate('s')", 50),
        ("select * from esdb.get_event('id-2', 's')", 40),
        ("select * from esdb.get_event('id-2')", 30),
        ("select * from (select 'none found' where not exists (select from esdb.get_event('none'))) as n", 20),
        ("select * from esdb.read_correlated('c', since => '-infinity')", 30),
        ("select * from esdb.list_streams()", 20),
        ("select * from esdb_meta.leaves()", 30),
        ("select * from esdb_meta.leaves('s')", 30),
        ("select esdb_meta.duplicate_ids('', 1000)", 30),
        ("select * from esdb.read_all()", 40),
        ("select * from esdb.read_all(backward => true)", 40),
        ("select esdb.event_count()", 30),
        ("select esdb.refresh_event_statistics()", 50),
        ("select esdb._set_frontier()", 30),
        ("select * from esdb._seal_plan('b', '2001-01-01')", 30),
        ("select * from esdb.partition_status", 120),
        ("select * from esdb.metrics", 160),
        ("select * from esdb._health_of_partitions()", 120),
        ("select * from esdb.partitions", 30),
        ("select * from esdb.append_rate where period = 'day'", 30),
        ("select * from esdb.stream_statistics", 30),
        ("select count(*) from esdb.snapshot_statistics", 30),
        ("select * from esdb.table_sizes", 60),
        ("select * from esdb.index_usage", 60),
        ("select * from esdb.index_health", 60),
        ("select * from esdb.partition_health", 60),
        ("select 1 from (select count(*) from esdb.lock_waits) as w", 60),
        ("select * from esdb._partition_plan(1)", 150),
        ("select * from esdb.findings", 180),
    ],
)
def test_a_call_holds_few_locks(session: Connection, query: str, most: int) -> None:
    with session.transaction(force_rollback=True):
        rows = session.execute(query).fetchall()
        assert rows or "plan" in query
        assert held(session) <= most


def test_the_feed_of_a_store_that_is_not_sealed_is_in_order(session: Connection) -> None:
    """It is read context by context: filters, order and limit hold for the whole."""
    query = "select id from esdb.read_all({}) as e"
    assert session.execute(query.format("")).fetchall() == [("id-1",), ("id-2",), ("id-3",)]
    assert session.execute(query.format("after_position => 1, max_count => 1")).fetchall() == [("id-2",)]
    assert session.execute(query.format("backward => true, max_count => 2")).fetchall() == [("id-3",), ("id-2",)]
    assert session.execute(query.format("event_types => '{None}'")).fetchall() == []
    assert value(session, "select esdb.event_count()") == 3


def test_checks_hold_few_locks(session: Connection) -> None:
    for check in (
        "seal_faults()", "sealed_leaves()",
        "sequence_faults()", "stream_faults()", "deletion_faults()", "deletion_faults('s')", "stream_id_faults('s')",
        "duplicate_id_faults('{id-1}')", "snapshot_faults()", "idempotency_key_faults()",
    ):  # fmt: skip
        with session.transaction(force_rollback=True):
            assert session.execute(f"select * from esdb_meta.{check}").fetchall() == []
            assert held(session) <= 30, check
    for check in ("partition_faults()", "object_faults()"):
        with session.transaction(force_rollback=True):
            assert session.execute(f"select * from esdb_meta.{check}").fetchall() == []
            assert held(session) <= 9 * (MONTHS + 3) + 150, check  # a lock a table


def test_an_id_that_is_known_is_refused_and_not_the_lock_table(session: Connection) -> None:
    session.execute("select esdb.append_event('x', 'T', '{}', 0, 'b', 'm', id => 'mine')")
    with pytest.raises(psycopg.DatabaseError) as caught:
        session.execute("select esdb.append_event('y', 'T', '{}', 0, 'b', 'm', id => 'mine')")
    assert caught.value.sqlstate == "SE007"


def test_a_search_gives_its_locks_back_while_it_goes_on(session: Connection) -> None:
    """Two searches in one transaction, and a cursor that is open meanwhile, need no more than one."""
    with session.transaction(force_rollback=True):
        session.execute("declare c cursor for select * from esdb.read_correlated('c', since => '-infinity')")
        assert len(session.execute("fetch 1 from c").fetchall()) == 1
        for _ in range(3):
            assert session.execute("select * from esdb.get_event('none')").fetchall() == []
        assert len(session.execute("fetch all from c").fetchall()) == 2
        assert held(session) <= MOST_HELD


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "--stream", "s"],
        ["partitions", "list"],
        ["partitions", "create-next", "--months", "119"],
        ["contexts", "add", "o", "order"],
        ["indexes", "enable", "correlation"],
        ["migrate"],
    ],
    ids=" ".join,
)
def test_a_command_has_room(old_store: str, arguments: list[str]) -> None:
    result = run_esdb(*arguments, url=old_store)
    assert result.returncode == 0, result.stdout + result.stderr


def test_sealing_archiving_restoring_and_importing_have_room(old_store: str, tmp_path: Path) -> None:
    """All months of a context, years later, and an import into many of those."""
    with psycopg.connect(old_store, autocommit=True) as connection:
        connection.execute(CLOCK)
        archive = str(tmp_path / "archive")
        try:
            later = month_after(datetime.now(UTC).replace(day=1), MONTHS + 1)
            (tmp_path / "archive").mkdir()
            lines = tmp_path / "events.ndjson"
            lines.write_text(text(event(n, "i", n, month_after(later, n - 100)) for n in range(1, 61)))
            for arguments in (
                ["partitions", "seal", "--context", "b"],
                ["refresh-stats"],
                ["export", str(tmp_path / "all")],
                ["import", str(lines), "--no-seal"],
                ["partitions", "seal", "--context", "b"],
                ["partitions", "archive", "--context", "b", "--older-than", "8 years", "--to", archive],
                ["partitions", "status"],
                ["partitions", "restore", archive],
                ["partitions", "unseal", "b", f"{month_after(later, -50):%Y-%m}", "--reason", "why not"],
            ):
                result = run_esdb(*arguments, url=old_store, env=Clock.environment(later))
                assert result.returncode == 0, (arguments, result.stdout + result.stderr)
            assert value(connection, "select count(*) from esdb.seals") > MONTHS - 5
        finally:
            connection.execute("drop function pg_catalog.clock_timestamp()")
            connection.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")
