"""The view open_appends names who holds the feed up, what it waits for and what ends it."""

from __future__ import annotations

from psycopg.rows import dict_row

from tests.feed_support import Crew, append, mark, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection


def open_appends(connection: Connection) -> list[dict[str, object]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from esdb.open_appends").fetchall()


def test_nobody_appends(db: Connection) -> None:
    append(db, "s")
    assert open_appends(db) == []


def test_a_transaction_that_idles_is_named_and_can_be_ended(db: Connection, connect: Connect) -> None:
    append(db, "s")
    idle = connect(autocommit=False, application_name="checkout")
    append(idle, "slow")
    append(idle, "slower")
    append(db, "s")
    (row,) = open_appends(db)
    assert (row["pid"], row["position"], row["application_name"]) == (idle.info.backend_pid, 1, "checkout")
    assert (row["state"], row["waits_for"], row["blocked_by"]) == ("idle in transaction", "Client: ClientRead", [])
    assert mark(db) == 1
    db.execute(str(row["ended_by"]))
    until(lambda: open_appends(db) == [], "the end of the transaction")
    until(lambda: mark(db) == 4, "the mark at the last position")


def test_one_that_waits_tells_for_whom(db: Connection, connect: Connect) -> None:
    holder, waiter = connect(autocommit=False), connect(autocommit=False)
    append(holder, "a")
    append(waiter, "b")
    crew = Crew()
    crew.start(lambda: append(waiter, "a"))
    until(lambda: waits_for_a_lock(db, waiter.info.backend_pid), "the second to wait")
    rows = {row["pid"]: row for row in open_appends(db)}
    assert rows[waiter.info.backend_pid]["blocked_by"] == [holder.info.backend_pid]
    assert str(rows[waiter.info.backend_pid]["waits_for"]).startswith("Lock: ")
    holder.commit()
    crew.join()
    waiter.commit()
    assert open_appends(db) == []


def test_a_prepared_transaction_is_named(db: Connection) -> None:
    gid = f"{db.info.dbname}: it's left over"
    db.execute("begin")
    append(db, "s")
    db.execute("prepare transaction " + value(db, "select quote_literal(%s)", (gid,)))
    (row,) = open_appends(db)
    assert (row["pid"], row["prepared"], row["position"]) == (None, gid, 0)
    db.execute(str(row["ended_by"]))
    assert open_appends(db) == []
