"""A clock that tests set, months of the past, and which leaves a transaction has touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from esdb_cli.render import render
from tests.feed_support import value
from tests.fixtures import Connect, Connection

# The functions of the store find clock_timestamp() by its name, so one put in its place is the clock of this database.
CLOCK = """
alter function pg_catalog.clock_timestamp() rename to real_clock_timestamp;
create function pg_catalog.clock_timestamp() returns timestamptz language sql volatile parallel safe as $$
select coalesce(
    nullif(pg_catalog.current_setting('test.clock', true), '')::pg_catalog.timestamptz,
    pg_catalog.real_clock_timestamp())
$$;
"""


class Clock:
    """Opens connections whose clock stands still until it is set."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        with connect() as connection:
            connection.execute(CLOCK)

    def connect(self, at: datetime) -> Connection:
        """Open a connection at a time."""
        connection = self._connect()
        set_clock(connection, at)
        return connection

    @staticmethod
    def environment(at: datetime) -> dict[str, str]:
        """Give the environment in which a command has this time."""
        return {"PGOPTIONS": f"-c test.clock={at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}


def set_clock(connection: Connection, at: datetime) -> None:
    """Set the clock of a connection."""
    connection.execute("select set_config('test.clock', %s, false)", (at.astimezone(UTC).isoformat(),))


def utc(year: int, month: int, day: int = 1, hour: int = 0, minute: int = 0, second: float = 0) -> datetime:
    """Give a time in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


def month_after(month: datetime, count: int = 1) -> datetime:
    """Give the month some months later."""
    number = month.year * 12 + month.month - 1 + count
    return utc(number // 12, number % 12 + 1)


def leaf_name(context_name: str, month: datetime) -> str:
    """Give the name of a month's leaf."""
    return f"events_{context_name}_y{month:%Y}m{month:%m}"


def make_months(connection: Connection, context_name: str, first: datetime, count: int) -> list[str]:
    """Make leaves of the past, from a month on, and give their names."""
    names = []
    for number in range(count):
        month = month_after(first, number)
        names.append(leaf_name(context_name, month))
        variables = {
            "context_name": context_name,
            "partition": names[-1],
            "lower_bound": month,
            "upper_bound": month_after(month),
            "optional_indexes": value(connection, "select esdb._leaf_indexes()"),
        }
        connection.execute(sql.SQL(render("create_month", variables)))
    return names


@contextmanager
def months_of_the_past(url: str, count: int) -> Iterator[tuple[Connection, datetime, Connection]]:
    """Give a store leaves of so many months before its own, for bookmarks and notes, in which nothing is written yet.

    Gives a connection, the first of the months, and a connection whose clock is to be set.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        end = first_leaf_month(connection)
        first = month_after(end, -count)
        for name in ("bookmark", "note"):
            make_months(connection, name, first, count)
        with Clock(lambda **_: psycopg.connect(url, autocommit=True)).connect(end) as writer:
            yield connection, first, writer


def first_leaf_month(connection: Connection, context: str = "b") -> datetime:
    """Give the start of a context's first leaf."""
    query = "select min(lower_bound) from esdb.partitions where bounded_context = %s"
    start = value(connection, query, (context,))
    assert isinstance(start, datetime)
    return start.astimezone(UTC)


def touched_leaves(connection: Connection) -> set[str]:
    """Give the leaves that the connection's open transaction has locked."""
    rows = connection.execute(
        "select distinct c.relname from pg_locks l join pg_class c on c.oid = l.relation"
        " where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relispartition and c.relkind = 'r'"
        " and c.relnamespace = 'esdb'::regnamespace"
    )
    return {name for (name,) in rows}
