"""Counts from seals and live leaves: always those of the table, whatever is sealed, when, and seen from where."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from esdb_cli.exceptions import PartitionSealed
from esdb_cli.seal import seal, unseal
from tests.feed_clock import make_months, month_after, set_clock
from tests.feed_support import Crew, append_many, random_of, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection
from tests.seal_support import PastMonth, counted

CONTEXTS = ("b", "n", "nt")
VIEW = "(select * from esdb.event_statistics) as e"


def assert_counts(connection: Connection) -> None:
    """The view, refreshed, and event_count() say what a count of the table says."""
    connection.execute("select esdb.refresh_event_statistics()")
    assert counted(connection, VIEW, "sum(event_count)") == counted(connection)
    assert value(connection, "select esdb.event_count()") == value(connection, "select count(*) from esdb.events")
    for context in CONTEXTS:
        count = "select count(*) from esdb.events where bounded_context = %s"
        assert value(connection, "select esdb.event_count(%s)", (context,)) == value(connection, count, (context,))


@pytest.mark.parametrize("seed", range(3))
def test_the_counts_are_those_of_the_table(db: Connection, connect: Connect, seed: int) -> None:
    random = random_of(seed)
    past = PastMonth(db, connect)
    first = month_after(past.month, -3)
    for name in ("bookmark", "note", "nt"):
        make_months(db, name, first, 3)
    writers = {month: past.clock.connect(month_after(first, month) + timedelta(days=1)) for month in range(6)}
    names: dict[tuple[str, int], int] = {}
    for _ in range(40):
        match random.choice(["append"] * 4 + ["seal", "unseal", "refresh"]):
            case "append":
                context, month = random.choice(CONTEXTS), random.randrange(6)
                names[context, month] = names.get((context, month), 0) + 1
                stream = f"{context}-{month}-{names[context, month]}"
                with suppress(PartitionSealed):
                    append_many(
                        writers[month], stream, random.randrange(1, 5), bounded_context=context,
                        group_context=random.choice("msc"),
                    )  # fmt: skip
            case "seal":
                set_clock(past.present, month_after(first, random.randrange(1, 6)) + timedelta(days=3))
                seal(past.present, context=random.choice([*CONTEXTS, None]))
            case "unseal":
                rows = db.execute("select bounded_context::text, lower_bound from esdb.seals").fetchall()
                if rows:
                    context, month_start = random.choice(rows)
                    unseal(past.present, context, month_start, "at random")
            case "refresh":
                assert_counts(db)
    assert_counts(db)
    assert db.execute("select * from esdb_meta.seal_faults()").fetchall() == []


def scanned_by(connect: Connect, statement: str) -> set[str]:
    """Give the tables that a statement scans; by its locks they could not be told, it gives them back."""
    with connect(autocommit=False) as reader:
        reader.execute(statement)
        rows = reader.execute(
            "select relname from pg_stat_xact_user_tables where schemaname = 'esdb' and seq_scan + idx_scan > 0"
        ).fetchall()
        reader.rollback()
    return {name for (name,) in rows}


def test_sealed_leaves_are_not_touched(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.fill(2, "n")
    past.seal()
    sealed = {
        name for (name,) in db.execute("select partition from esdb.partitions where upper_bound <= %s", (past.end,))
    }
    for statement in (
        "select esdb.refresh_event_statistics()",
        "select esdb.event_count()",
        "select esdb.event_count('b')",
    ):
        assert not sealed & scanned_by(connect, statement), statement
    unseal(past.present, "b", past.month, "it is read again")
    assert past.leaf in scanned_by(connect, "select esdb.event_count('b')")
    assert_counts(db)


def test_what_is_archived_stays_counted(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.seal()
    before = counted(db)
    db.execute(f"alter table esdb.events_bookmark detach partition esdb.{past.leaf}")
    db.execute("insert into esdb.archives values ('b', %s, %s, '/a', 'detaching', true)", (past.month, past.leaf))
    db.execute("select esdb.refresh_event_statistics()")
    assert counted(db, VIEW, "sum(event_count)") == before
    assert value(db, "select esdb.event_count()") == value(db, "select esdb.event_count('b')") == 3
    assert value(db, "select esdb.event_count('n')") == 0


def test_an_older_snapshot_counts_what_it_sees(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.fill(2, "n")
    with connect(autocommit=False) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = counted(old)
        past.seal()
        past.fill_present()
        assert value(old, "select esdb.event_count()") == 5
        assert counted(old, "(select * from esdb._count_events()) as e", "sum(event_count)") == before
        old.rollback()
        assert value(old, "select esdb.event_count()") == 6
        unseal(past.present, "b", past.month, "meanwhile")
        past.fill(4)
        assert value(old, "select esdb.event_count()") == 6
        old.rollback()
        assert value(old, "select esdb.event_count()") == 10
        old.rollback()


def run(connection: Connection, statement: str) -> None:
    connection.execute(statement)


GATE = """
alter function esdb._unsealed_ranges(text) rename to _ungated;
create function esdb._unsealed_ranges(only_context text default null)
returns table (bounded_context text, from_time timestamptz, to_time timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_advisory_xact_lock(4711);
    return query execute 'select * from esdb._ungated($1)' using only_context;
end $$;
"""


@pytest.mark.parametrize("what", ["seal", "unseal"])
@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("select esdb.refresh_event_statistics()", "select sum(event_count)::bigint from esdb.event_statistics"),
        ("create temp table counted as select esdb.event_count() as n", "select n from counted"),
    ],
    ids=["refresh", "event_count"],
)
def test_a_seal_committed_between_the_readings_counts_nothing_twice_and_nothing_not_at_all(
    db: Connection, connect: Connect, statement: str, check: str, what: str
) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.fill(2, "n")
    change: Callable[[], object] = past.seal
    if what == "unseal":
        past.seal()
        change = lambda: unseal(past.present, "b", past.month, "now")  # noqa: E731
    db.execute(GATE)
    gate, reader = connect(), connect()
    gate.execute("select pg_advisory_lock(4711)")
    crew = Crew()
    crew.start(run, reader, statement)
    until(lambda: waits_for_a_lock(db, reader.info.backend_pid), "the reader has read the seals")
    change()
    gate.execute("select pg_advisory_unlock(4711)")
    crew.join()
    assert value(reader, check) == 5
