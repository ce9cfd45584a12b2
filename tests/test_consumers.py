"""Consumers that die at any moment: inside the database each effect is there once, outside at least once."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from tests.databases import run_esdb
from tests.feed_support import Crew, append, append_many, random_of, read_all, stored, until, value
from tests.fixtures import Connect, Connection, NewServer

PAGE = 7
DEATHS = 30
CURSOR = "select position from cursors"
UNFLUSHED = 50_000
"""Bytes of the write-ahead log that a crash shall take."""


def prepare(connection: Connection) -> None:
    connection.execute("create table cursors (position bigint not null)")
    connection.execute("insert into cursors values (0)")
    connection.execute("create table effects (number bigint generated always as identity, position bigint not null)")


def effects(connection: Connection) -> list[int]:
    return [position for (position,) in connection.execute("select position from effects order by number")]


def handle_inside(connection: Connection) -> int:
    """Handle a page whose effects and cursor are one transaction; give the cursor."""
    with connection.transaction():
        cursor = int(value(connection, f"{CURSOR} for update"))
        for event in read_all(connection, cursor, PAGE):
            connection.execute("insert into effects (position) values (%s)", (event.position,))
            cursor = event.position
        connection.execute("update cursors set position = %s", (cursor,))
    return cursor


class Outside:
    """A consumer whose effects are not in the database: they are made first, then the cursor is moved."""

    def __init__(self) -> None:
        self.effects: list[int] = []

    def handle(self, connection: Connection) -> int:
        """Handle a page; give the cursor."""
        cursor = int(value(connection, CURSOR))
        for event in read_all(connection, cursor, PAGE):
            self.effects.append(event.position)
            cursor = event.position
        connection.execute("update cursors set position = %s", (cursor,))
        return cursor


class Deaths:
    """Consumers that are killed again and again while they handle the feed, and begin again each time."""

    def __init__(self, url: str, handle: Callable[[Connection], int]) -> None:
        self._url = url
        self._handle = handle
        self.last = threading.Event()
        self.goal = 0
        self.died = 0

    def consume(self) -> None:
        """Consume until the goal is reached, with a new connection after each death."""
        cursor = -1
        while not (self.last.is_set() and cursor >= self.goal):
            try:
                with psycopg.connect(self._url, autocommit=True, application_name="consumer") as connection:
                    while not (self.last.is_set() and cursor >= self.goal):
                        cursor = self._handle(connection)
            except psycopg.OperationalError:
                self.died += 1

    def kill(self, connection: Connection) -> None:
        """End the consumers' sessions, whatever they are doing."""
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'consumer'"
                           " and datname = current_database()")  # fmt: skip


@pytest.mark.parametrize("consumers", [1, 2])
def test_inside_the_database_each_effect_is_there_once(
    db: Connection, db_url: str, connect: Connect, consumers: int
) -> None:
    prepare(db)
    deaths = Deaths(db_url, handle_inside)
    _consume_under_fire(db, connect, deaths, consumers)
    assert effects(db) == [event.position for event in stored(db)]


def test_outside_the_database_no_effect_is_missing(db: Connection, db_url: str, connect: Connect) -> None:
    prepare(db)
    outside = Outside()
    deaths = Deaths(db_url, outside.handle)
    _consume_under_fire(db, connect, deaths, 1)
    first_times = list(dict.fromkeys(outside.effects))
    assert first_times == [event.position for event in stored(db)]


def _consume_under_fire(db: Connection, connect: Connect, deaths: Deaths, consumers: int) -> None:
    dice = random_of(consumers, "deaths")
    crew = Crew()
    for _ in range(consumers):
        crew.start(deaths.consume)
    writer = connect()
    while deaths.died < DEATHS:
        begun = value(db, CURSOR)
        deaths.goal = append_many(writer, f"s-{dice.randrange(9)}", 10 * PAGE)[-1].position
        until(functools.partial(_is_past, db, begun), "a consumer at work")
        time.sleep(dice.random() * 0.01)  # another moment of its work each time
        deaths.kill(db)
    deaths.last.set()
    crew.join()


def _is_past(connection: Connection, position: int) -> bool:
    return bool(value(connection, CURSOR) > position)


def test_what_a_crash_takes_it_takes_from_cursor_effects_and_events_alike(new_server: NewServer) -> None:
    """Commits that are not waited for are lost; a cursor that is left has its events before it and none anew."""
    server = new_server(settings={
        "synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "100MB",
    })  # fmt: skip
    url = server.url()
    for arguments in (["migrate"], ["partitions", "create-next"]):
        assert run_esdb(*arguments, url=url).returncode == 0
    unflushed = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn())::bigint"
    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        append_many(connection, "s", 20)
        handle_inside(connection)
        connection.execute("set synchronous_commit = on; update cursors set position = position")

        def work() -> bool:
            append_many(connection, "s", 20)
            while handle_inside(connection) < value(connection, "select max(position) from esdb.events"):
                pass
            return bool(value(connection, unflushed) > UNFLUSHED)

        connection.execute("set synchronous_commit = off")
        until(work, "more than can be kept")
        before = len(effects(connection))
        server.kill9()
    server.start()

    with psycopg.connect(url, autocommit=True) as connection:
        left = effects(connection)
        assert len(left) < before, "the crash took nothing: the test shows nothing"
        assert left == [event.position for event in stored(connection)][: len(left)]
        cursor = int(value(connection, CURSOR))
        assert cursor == left[-1]
        assert append(connection, "s").position > cursor
        last = append(connection, "t").position
        until(lambda: handle_inside(connection) == last, "the consumer goes on")
        assert effects(connection) == [event.position for event in stored(connection)]
