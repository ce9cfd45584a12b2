"""The view lock_waits names the stream, or what else, that a session waits for, and whom that comes down to."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.feed_support import Crew, append, call, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection


def lock_waits(connection: Connection) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from esdb.lock_waits").fetchall()


def wait_of(connection: Connection, waiter: Connection) -> dict[str, Any]:
    """Give the row of a session, once it waits."""
    pid = waiter.info.backend_pid
    until(lambda: waits_for_a_lock(connection, pid), f"session {pid} to wait")
    (row,) = [row for row in lock_waits(connection) if row["pid"] == pid]
    return row


def test_nobody_waits(db: Connection, connect: Connect) -> None:
    idle = connect(autocommit=False)
    append(idle, "s")
    assert lock_waits(db) == []


def test_a_queue_on_a_stream_comes_down_to_who_forgot_to_commit(db: Connection, connect: Connect) -> None:
    append(db, "order-41")
    append(db, "order-42")
    holder = connect(autocommit=False, application_name="checkout")
    append(holder, "order-42")
    waiters = [connect(application_name=f"writer-{number}") for number in range(3)]
    crew = Crew()
    for waiter in waiters:
        crew.start(append, waiter, "order-42")
        wait_of(db, waiter)
    rows = lock_waits(db)
    assert [row["application_name"] for row in rows] == ["writer-0", "writer-1", "writer-2"]
    for row in rows:
        assert (row["aggregate_id"], row["waits_for"]) == ("order-42", "stream order-42")
        assert (row["root_pid"], row["root_application_name"]) == (holder.info.backend_pid, "checkout")
        assert (row["root_state"], row["root_prepared"]) == ("idle in transaction", None)
        assert "append_event" in row["root_query"]
        assert row["waiting"].total_seconds() >= 0
        assert row["root_age"] > row["waiting"]
    assert rows[0]["blocked_by"] == [holder.info.backend_pid]
    assert waiters[0].info.backend_pid in rows[1]["blocked_by"]
    db.execute(rows[0]["ended_by"])
    crew.join()
    assert lock_waits(db) == []
    assert value(db, "select esdb.stream_version('order-42')") == 4


@pytest.mark.parametrize(
    "statement",
    [
        "select esdb.append_event('s', 'T', '{}', expected_version => 1)",
        "select * from esdb.append_events('s', '[{\"event_type\": \"T\", \"payload\": {}}]', idempotency_key => 'k')",
        "select esdb.delete_stream('s')",
    ],
)
def test_every_way_to_write_a_stream_tells_it(db: Connection, connect: Connect, statement: str) -> None:
    append(db, "s")
    holder, waiter = connect(autocommit=False), connect(autocommit=False)
    append(holder, "s")
    crew = Crew()
    crew.start(waiter.execute, statement)
    assert wait_of(db, waiter)["aggregate_id"] == "s"
    holder.rollback()
    crew.join()


def test_a_stream_that_went_on_is_named_all_the_same(db: Connection, connect: Connect) -> None:
    """The second of the queue has named a version of the row that another one has replaced."""
    append(db, "s")
    holder, first, second = (connect(autocommit=False) for _ in range(3))
    append(holder, "s")
    crew = Crew()
    for waiter in (first, second):
        crew.start(append, waiter, "s")
        wait_of(db, waiter)
    holder.commit()
    until(lambda: first.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS, "the first to go on")
    row = wait_of(db, second)
    assert row["root_pid"] == first.info.backend_pid
    assert row["aggregate_id"] in {"s", None}
    assert row["waits_for"].endswith(("stream s", "or an id"))
    first.rollback()
    crew.join()


def test_the_row_of_a_lock_is_followed_to_its_newest_version(db: Connection) -> None:
    """A lock names the version that it waited for; the row has been updated since."""
    append(db, "s")
    (page, tuple_) = value(db, "select ctid from esdb.streams").strip("()").split(",")
    for _ in range(5):
        append(db, "s")
    found = db.execute("select * from esdb._row_of_tuple('esdb.streams'::regclass, %s, %s)", (page, tuple_))
    assert found.fetchall() == [("s", None, None)]
    found = db.execute("select * from esdb._row_of_tuple('esdb.events'::regclass, %s, %s)", (page, tuple_))
    assert found.fetchall() == [(None, None, None)]


def test_a_stream_that_two_are_making_has_no_name_yet(db: Connection, connect: Connect) -> None:
    holder, waiter = connect(autocommit=False), connect()
    append(holder, "new")
    crew = Crew()
    crew.start(append, waiter, "new")
    row = wait_of(db, waiter)
    assert (row["aggregate_id"], row["waits_for"]) == (
        None,
        "what another has written: a stream, new or in demand, or an id",
    )
    assert row["root_pid"] == holder.info.backend_pid
    holder.commit()
    crew.join()


def test_a_chain_is_followed_to_its_end(db: Connection, connect: Connect) -> None:
    """The last waits for a stream of one that itself waits for another one's."""
    append(db, "a")
    append(db, "b")
    first, second, third = (connect(autocommit=False) for _ in range(3))
    append(first, "a")
    append(second, "b")
    crew = Crew()
    crew.start(append, second, "a")
    wait_of(db, second)
    crew.start(append, third, "b")
    row = wait_of(db, third)
    assert (row["aggregate_id"], row["blocked_by"]) == ("b", [second.info.backend_pid])
    assert row["root_pid"] == first.info.backend_pid
    first.rollback()
    until(lambda: not waits_for_a_lock(db, second.info.backend_pid), "the second to go on")
    assert wait_of(db, third)["root_pid"] == second.info.backend_pid
    until(lambda: second.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS, "the second's answer")
    second.rollback()
    crew.join()


def test_a_prepared_transaction_is_named_to_all_of_its_queue(db: Connection, connect: Connect) -> None:
    append(db, "s")
    gid = f"{db.info.dbname}: it's left over"
    holder = connect()
    holder.execute("begin")
    append(holder, "s")
    holder.execute("prepare transaction " + value(db, "select quote_literal(%s)", (gid,)))
    waiters = [connect(), connect()]
    crew = Crew()
    for waiter in waiters:
        crew.start(append, waiter, "s")
        row = wait_of(db, waiter)
        assert (row["aggregate_id"], row["root_pid"], row["root_prepared"]) == ("s", None, gid)
        assert row["root_age"] > row["waiting"]
    db.execute(row["ended_by"])
    crew.join()


def test_a_partition_of_a_subscription_is_named(db: Connection, connect: Connect) -> None:
    append(db, "s")
    call(db, "create_subscription", name="mails")
    holder, waiter = connect(autocommit=False), connect()
    assert holder.execute("select * from esdb.claim_events('mails', 'w')").fetchall()
    crew = Crew()
    crew.start(waiter.execute, "select esdb.reset_subscription('mails')")
    row = wait_of(db, waiter)
    assert (row["aggregate_id"], row["waits_for"]) == (None, "subscription mails, partition 0")
    assert row["root_pid"] == holder.info.backend_pid
    holder.rollback()
    crew.join()


@pytest.mark.parametrize(
    ("held", "wanted", "waits_for"),
    [
        (
            "lock table esdb.events_note in share mode",
            "lock table esdb.events_note in row exclusive mode",
            "esdb.events_note in RowExclusiveLock",
        ),
        ("select esdb._lock_maintenance()", "select esdb._lock_maintenance()", "maintenance of the partitions"),
        ("select esdb._lock_step('seal')", "select esdb._lock_step('seal')", "a step of esdb maintain"),
        ("select pg_advisory_xact_lock(7, 8)", "select pg_advisory_xact_lock(7, 8)", "advisory lock (7, 8)"),
        (
            "select pg_advisory_xact_lock(8589934592)",
            "select pg_advisory_xact_lock(8589934592)",
            "advisory lock 8589934592",
        ),
        (
            "update esdb.settings set value = '6' where name = 'snapshots_kept'",
            "update esdb.settings set value = '7' where name = 'snapshots_kept'",
            "a row of esdb.settings",
        ),
    ],
)
def test_what_is_no_stream_is_told_too(
    db: Connection, connect: Connect, held: str, wanted: str, waits_for: str
) -> None:
    holder, waiter = connect(autocommit=False), connect(autocommit=False)
    holder.execute(sql.SQL(held))
    crew = Crew()
    crew.start(waiter.execute, sql.SQL(wanted))
    row = wait_of(db, waiter)
    assert (row["waits_for"], row["aggregate_id"], row["root_pid"]) == (waits_for, None, holder.info.backend_pid)
    holder.rollback()
    crew.join()


@pytest.mark.parametrize(("role", "monitors"), [("esdb_reader", False), ("esdb_maintainer", True)])
def test_a_role_without_rights_sees_who_waits_for_whom(
    db: Connection, connect: Connect, role: str, monitors: bool
) -> None:
    """Beside pg_monitor it sees more; without it states and statements stay hidden."""
    append(db, "s")
    holder, waiter = connect(autocommit=False), connect(autocommit=False)
    append(holder, "s")
    crew = Crew()
    crew.start(append, waiter, "s")
    wait_of(db, waiter)
    name = f"watcher_{db.info.dbname}"
    db.execute(sql.SQL("create role {} in role {}").format(sql.Identifier(name), sql.Identifier(role)))
    if monitors:
        db.execute(sql.SQL("grant pg_monitor to {}").format(sql.Identifier(name)))
    try:
        watcher = connect()
        watcher.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
        (row,) = lock_waits(watcher)
    finally:
        watcher.execute("reset role")
        db.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    assert (row["aggregate_id"], row["root_pid"]) == ("s", holder.info.backend_pid)
    assert row["root_state"] == ("idle in transaction" if monitors else None)
    assert ("append_event" in row["root_query"]) == monitors
    holder.rollback()
    crew.join()
