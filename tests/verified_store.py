"""A store that tests of `esdb verify` break, and what the checks of its data say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg

from esdb_cli.data_checks import DataChecks, Found
from esdb_cli.partitions import create_next
from tests.databases import Databases
from tests.feed_clock import Clock, first_leaf_month, leaf_name, month_after, set_clock
from tests.feed_support import append, append_many, value
from tests.fixtures import Connect, Connection


def lines(connection: Connection, stream: str | None = None) -> list[str]:
    """Give the faults of the data as `esdb verify` prints them."""
    found = Found()
    for _ in DataChecks(connection, found, stream).run():
        pass
    assert not found.left_out
    return [f"{fault['kind']} {fault['name']}: {fault['fault']}" for fault in found.faults]


class Store:
    """A store whose streams live in months, in a span and in the overflow; the names of its leaves and months."""

    def __init__(self, connection: Connection, connect: Connect) -> None:
        self.connection = connection
        clock = Clock(connect)
        start = first_leaf_month(connection)
        end = value(connection, "select min(lower_bound) from esdb.partitions where kind = 'overflow'")
        months = [start, month_after(start), end, month_after(end), month_after(end, 6)]
        with clock.connect(start) as writer:
            for number, month in enumerate(months):
                set_clock(writer, month + timedelta(days=2))
                if number == 4:
                    create_next(writer)
                    set_clock(writer, month_after(end, 12))
                append_many(writer, "s", 2)
                if number == 0:
                    append_many(writer, "solo", 4, idempotency_key="key")
                    append(writer, "note", bounded_context="n")
                if number == 4:
                    for stream in ("gone", "back"):
                        append(writer, stream)
                        writer.execute("select esdb.delete_stream(%s)", (stream,))
                    writer.execute("select esdb.restore_stream('back')")
                if number == 2:
                    append_many(writer, "late", 2)
        spanned = "select partition from esdb.partitions where bounded_context = 'b' and kind = 'span'"
        self.names = {
            "first": f"esdb.{leaf_name('bookmark', months[0])}",
            "second": f"esdb.{leaf_name('bookmark', months[1])}",
            "span": f"esdb.{value(connection, spanned)}",
            "overflow": "esdb.events_bookmark_overflow",
            "note_leaf": "esdb.{}".format(
                value(
                    connection,
                    "select partition from esdb.partitions where bounded_context = 'n' and lower_bound <= %s"
                    " and coalesce(upper_bound > %s, true)",
                    (months[2], months[2]),
                )
            ),
            **{f"month{number}": f"{month:%Y-%m}" for number, month in enumerate(months)},
        }
        connection.execute("insert into esdb.snapshots values ('s', 10, '{}'), ('solo', 2, '{}')")

    def damage(self, statements: str) -> None:
        """Do as an owner might who turns the triggers off."""
        for leaf in ("first", "second", "span", "overflow"):
            self.connection.execute(f"alter table {self.names[leaf]} disable trigger events_are_immutable")
        self.connection.execute(statements.format(**self.names))


@contextmanager
def sound_store(databases: Databases) -> Iterator[Store]:
    """Make a store in which `esdb verify` finds nothing wrong."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        made = Store(connection, lambda **_: psycopg.connect(url, autocommit=True))
        assert lines(connection) == []
        yield made
    databases.drop(url)
