"""The indexes that appends need not keep up: made when a month is sealed, and nobody waits for that."""

from __future__ import annotations

import psycopg
import pytest

from esdb_cli.render import render
from esdb_cli.seal import plan, unseal
from esdb_cli.verification import faults
from tests.feed_support import append, append_many, read_all, value
from tests.fixtures import Connect, Connection
from tests.seal_support import PastMonth, assert_sound

LIVE = {"pkey", "version", "position", "event_type"}
SEALED = LIVE | {"context", "timestamp"}


@pytest.fixture
def past(db: Connection, connect: Connect) -> PastMonth:
    """A store whose first month is over."""
    return PastMonth(db, connect)


def indexes(connection: Connection, leaf: str) -> set[str]:
    """Name the valid indexes of a leaf by their suffixes."""
    query = """
        select substr(i.indexrelid::regclass::text, length(i.indrelid::regclass::text) + 2)
        from pg_index as i
        where i.indrelid = %s::regclass and i.indisvalid and i.indisready
    """
    return {name for (name,) in connection.execute(query, (f"esdb.{leaf}",))}


def test_a_month_has_them_from_its_seal_on(db: Connection, past: PastMonth) -> None:
    past.fill(20)
    assert indexes(db, past.leaf) == LIVE
    past.seal()
    assert indexes(db, past.leaf) == indexes(db, past.note_leaf) == SEALED
    past.right_clock()
    assert faults(db) == []
    (overflow,) = db.execute(
        "select partition from esdb.partitions where kind = 'overflow' and bounded_context = 'b'"
    ).fetchone() or ("",)
    assert indexes(db, overflow) == LIVE


def test_they_stay_when_it_is_unsealed_and_cover_what_comes_then(db: Connection, past: PastMonth) -> None:
    past.fill(3000)
    past.seal()
    unseal(past.present, "b", past.month, "late events")
    assert indexes(db, past.leaf) == SEALED
    append_many(past.writer, "late", 3000, group_context="c")
    assert past.leaf in past.seal()
    assert indexes(db, past.leaf) == SEALED
    db.execute("set enable_seqscan = off; set enable_indexscan = off")
    by_time = f"select count(*) from esdb.{past.leaf} where timestamp >= '{past.month}' and timestamp < '{past.end}'"
    scan = "\n".join(line for (line,) in db.execute(f"explain (analyze, costs off) {by_time}"))
    assert f"Bitmap Index Scan on {past.leaf}_timestamp" in scan
    assert value(db, by_time) == 6000
    # no page was left out of it
    assert value(db, "select brin_summarize_new_values(%s)", (f"esdb.{past.leaf}_timestamp",)) == 0
    assert len(read_all(past.present, 0, 10_000, group_contexts=["c"])) == 3000
    assert_sound(db)


def test_a_run_that_was_killed_at_it_is_completed(db: Connection, past: PastMonth) -> None:
    past.fill()
    (leaf,) = plan(past.present, "b", past.month)
    db.execute(render("close_partition", leaf))
    # a script that was cut short between the two
    db.execute(f"create index {past.leaf}_context on esdb.{past.leaf} (group_context, feature_context, position)")
    assert indexes(db, past.leaf) == LIVE | {"context"}
    # closed is not sealed: that it lacks them is no fault
    past.right_clock()
    assert [fault["fault"].partition(":")[0] for fault in faults(db)] == ["takes no events and is not sealed"]
    assert past.leaf in past.seal()
    assert indexes(db, past.leaf) == SEALED
    assert faults(db) == []


def test_neither_readers_nor_old_snapshots_hold_it_up(db: Connection, past: PastMonth, connect: Connect) -> None:
    past.fill()
    past.fill_present()
    reader, elsewhere = connect(), connect()
    for connection in (reader, elsewhere):
        connection.execute("begin isolation level repeatable read")
    assert value(reader, f"select count(*) from esdb.{past.leaf}") == 3
    elsewhere.execute("select 1")
    assert past.leaf in past.seal(wait=0)
    assert indexes(db, past.leaf) == SEALED
    assert value(reader, f"select count(*) from esdb.{past.leaf}") == 3


def test_neither_appends_nor_reads_wait_while_they_are_built(past: PastMonth, connect: Connect) -> None:
    past.fill()
    (leaf,) = plan(past.present, "b", past.month)
    past.present.execute(render("close_partition", leaf))
    building = connect()
    building.execute("begin")
    building.execute(render("index_partition", leaf))
    for connection in (past.present, past.writer):
        connection.execute("set lock_timeout = 1")
    append(past.present, "b-stream")
    append_many(past.present, "new", 3)
    assert len(read_all(past.present)) == 7
    assert len(past.writer.execute("select * from esdb.read_stream('b-stream')").fetchall()) == 4
    building.execute("commit")


@pytest.mark.parametrize(
    ("suffix", "what"),
    [("context", "index on (group_context, feature_context, position)"), ("timestamp", "BRIN index on timestamp")],
)
def test_one_that_a_sealed_month_lacks_is_named(db: Connection, past: PastMonth, suffix: str, what: str) -> None:
    past.seal()
    past.right_clock()
    db.execute(psycopg.sql.SQL("drop index {}").format(psycopg.sql.Identifier("esdb", f"{past.leaf}_{suffix}")))
    assert [(fault["name"], fault["fault"]) for fault in faults(db)] == [(f"esdb.{past.leaf}", f"no {what}")]
    (mended_by,) = db.execute("select mended_by from esdb.index_health where reasons <> '{}'").fetchone() or ([],)
    for statement in mended_by:
        db.execute(statement)
    assert faults(db) == []
    assert indexes(db, past.leaf) == SEALED
