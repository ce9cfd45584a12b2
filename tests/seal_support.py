"""Stores with a month that is over, and digests as an auditor recomputes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from psycopg import sql

from esdb_cli.seal import seal
from tests.feed_clock import Clock, first_leaf_month, leaf_name, month_after
from tests.feed_support import append_many, value
from tests.fixtures import Connect, Connection

BLOCK = 1000


class PastMonth:
    """A store whose first month is over: a writer that lives in it, and a time from which on it is due."""

    def __init__(self, connection: Connection, connect: Connect) -> None:
        self.connection = connection
        self.clock = Clock(connect)
        self.month = first_leaf_month(connection)
        self.inside = self.month + timedelta(days=2)
        self.end = month_after(self.month)
        self.now = self.end + timedelta(days=2)
        self.writer = self.clock.connect(self.inside)
        self.leaf = leaf_name("bookmark", self.month)
        self.note_leaf = leaf_name("note", self.month)
        # the writer of the present sees months of the future: none is missing, none due
        self.present = self.clock.connect(self.now)
        self.environment = self.clock.environment(self.now)

    def fill(self, count: int = 3, context: str = "b") -> None:
        """Append some events of several types in the month."""
        append_many(self.writer, f"{context}-stream", count, bounded_context=context)

    def fill_present(self) -> None:
        """Append an event in the month that is not over."""
        append_many(self.present, "present", 1)

    def seal(self, **options: Any) -> list[str]:
        """Seal all that is due and give the partitions sealed."""
        return [row["partition"] for row in seal(self.present, **options).sealed]

    def right_clock(self) -> None:
        """Give the database its own clock back: the month is due all the same, and `esdb verify` finds nothing new."""
        self.connection.execute("drop function pg_catalog.clock_timestamp()")
        self.connection.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")
        self.connection.execute("select esdb.set_setting('seal_after', '0')")


def digest_of(lines: Iterable[str]) -> bytes:
    """Digest events as the rule says: block by block, each with the digest before it."""
    digest, block = b"", []
    for line in lines:
        block.append(hashlib.sha256(line.encode()).digest())
        if len(block) == BLOCK:
            digest, block = hashlib.sha256(digest + b"".join(block)).digest(), []
    return hashlib.sha256(digest + b"".join(block)).digest() if block else digest


def lines_of(connection: Connection, leaf: str) -> list[str]:
    """Give a leaf's events as the lines that are digested."""
    with connection.transaction():
        connection.execute("set local timezone = 'UTC'")
        rows = connection.execute(
            sql.SQL("select row_to_json(e)::text from esdb.{} as e order by e.position").format(sql.Identifier(leaf))
        ).fetchall()
    return [line for (line,) in rows]


def chain(connection: Connection) -> list[tuple[int, str]]:
    """Give the numbers and digests of all seals."""
    return connection.execute("select number, encode(digest, 'hex') from esdb.seals order by number").fetchall()


def chain_of(connection: Connection) -> list[bytes]:
    """Chain the seals anew, outside of the database."""
    digest, digests = b"", []
    for (line,) in connection.execute("select esdb._seal_line(number) from esdb.seals order by number").fetchall():
        digest = hashlib.sha256(digest + line.encode()).digest()
        digests.append(digest)
    return digests


def assert_sound(connection: Connection) -> None:
    """Each seal says what its leaf holds, they are chained, and the frontier passes over no unsealed leaf."""
    seals = connection.execute(
        "select p.partition, s.event_count, s.min_position, s.max_position, s.events_digest,"
        " s.upper_bound = p.upper_bound"
        " from esdb.seals as s join esdb.partitions as p using (bounded_context, lower_bound) order by s.number"
    ).fetchall()
    assert len(seals) == value(connection, "select count(*) from esdb.seals")
    for partition, count, lowest, highest, digest, is_bounded in seals:
        leaf = sql.Identifier(partition)
        found = connection.execute(
            sql.SQL("select count(*), min(position), max(position) from esdb.{}").format(leaf)
        ).fetchone()
        assert found == (count, lowest, highest), partition
        assert digest == digest_of(lines_of(connection, partition)), partition
        assert is_bounded, partition
        barrier = "select esdb._barrier(%s::regclass) is not null"
        assert value(connection, barrier, (f"esdb.{partition}",)), partition
    assert [bytes.fromhex(digest) for _, digest in chain(connection)] == chain_of(connection)
    assert connection.execute("select * from esdb_meta.seal_faults()").fetchall() == []
    assert counted(connection) == counted(connection, "(select * from esdb._count_events()) as e", "sum(event_count)")


def counted(connection: Connection, source: str = "esdb.events as e", count: str = "count(*)") -> list[Any]:
    """Count the events by context, group and type: of the table, or of what the store noted."""
    times = "min(timestamp), max(timestamp)" if count == "count(*)" else "min(first_event), max(last_event)"
    return connection.execute(
        f"select bounded_context, group_context, event_type, {count}::bigint, {times} from {source}"
        " group by 1, 2, 3 order by 1, 2, 3"
    ).fetchall()
