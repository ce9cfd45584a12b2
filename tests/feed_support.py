"""Appending, reading and waiting, as the tests of races, of the feed and of partitions do it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeVar

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.fixtures import Connection

DEADLINE = 30.0
"""Seconds after which what a test waits for counts as never coming."""

ANNOUNCEMENT = "(29281::bigint << 48) | %s"
"""The key of the advisory lock that announces appends behind a position."""

T = TypeVar("T")


class Appended(NamedTuple):
    """What an append tells of an event."""

    id: str
    version: int
    position: int
    timestamp: datetime


class Seen(NamedTuple):
    """What a consumer keeps of an event."""

    position: int
    aggregate_id: str
    version: int
    event_type: str


class Verdict(NamedTuple):
    """What is wrong with the events that a consumer saw; all zero when nothing is."""

    skipped: int
    duplicated: int
    inverted: int
    invented: int


PERFECT = Verdict(0, 0, 0, 0)


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until a condition gives something true, and give that."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.002)
    pytest.fail(f"waited {DEADLINE:g} s in vain: {what}")


def call(connection: Connection, function: str, **arguments: Any) -> list[tuple[Any, ...]]:
    """Call a function of the store by the names of its parameters."""
    given = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in arguments
    )
    statement = sql.SQL("select * from esdb.{}({})").format(sql.Identifier(function), given)
    return connection.execute(statement, arguments).fetchall()


def append(connection: Connection, aggregate_id: str, **options: Any) -> Appended:
    """Append one event, of the bookmarks unless told otherwise."""
    defaults = {"event_type": "Happened", "payload": Jsonb({}), "bounded_context": "b", "group_context": "m"}
    rows = call(connection, "append_event", aggregate_id=aggregate_id, **{**defaults, **options})
    return Appended(*rows[0])


def append_many(connection: Connection, aggregate_id: str, count: int, **options: Any) -> list[Appended]:
    """Append a batch of events, of the bookmarks unless told otherwise."""
    events = [{"event_type": "Happened", "payload": {"number": number}} for number in range(count)]
    defaults = {"events": Jsonb(events), "bounded_context": "b", "group_context": "m"}
    rows = call(connection, "append_events", aggregate_id=aggregate_id, **{**defaults, **options})
    return [Appended(*row) for row in rows]


def mark(connection: Connection) -> int:
    """Give the high-water mark."""
    return int(value(connection, "select esdb.high_water_mark()"))


def value(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> Any:
    """Give the single value of a query."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


def read_all(connection: Connection, after: int = 0, count: int = 1000, **options: Any) -> list[Seen]:
    """Read a page of the feed."""
    given = sql.SQL(", ").join(
        [sql.Placeholder("after"), sql.Placeholder("count")]
        + [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in options]
    )
    statement = sql.SQL("select position, aggregate_id, version, event_type from esdb.read_all({})").format(given)
    rows = connection.execute(statement, {"after": after, "count": count, **options}).fetchall()
    return [Seen(*row) for row in rows]


def stored(connection: Connection) -> list[Seen]:
    """Give all events of the table, past the store's functions."""
    rows = connection.execute("select position, aggregate_id, version, event_type from esdb.events order by position")
    return [Seen(*row) for row in rows]


def judge(seen: Sequence[Seen], expected: Iterable[Seen]) -> Verdict:
    """Compare what a consumer saw with what it should have seen."""
    wanted = {event.position for event in expected}
    positions = [event.position for event in seen]
    versions: dict[str, int] = {}
    inverted = 0
    for event in seen:
        inverted += event.version <= versions.get(event.aggregate_id, 0)
        versions[event.aggregate_id] = event.version
    distinct = set(positions)
    return Verdict(len(wanted - distinct), len(positions) - len(distinct), inverted, len(distinct - wanted))


def waits_for_a_lock(observer: Connection, pid: int) -> bool:
    """Tell whether a backend waits for a lock."""
    return bool(value(observer, "select exists (select from pg_locks where pid = %s and not granted)", (pid,)))


class Crew:
    """Threads of a test: what any of them raises fails the test when they are joined."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def start(self, work: Callable[..., object], *arguments: Any) -> None:
        """Start a thread."""

        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by join()
                self._errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all threads; raise the first error of any."""
        for thread in self._threads:
            thread.join(DEADLINE)
        late = sum(thread.is_alive() for thread in self._threads)
        if self._errors:
            raise self._errors[0]
        assert not late, f"{late} threads never ended"
        self._threads.clear()


class Writers:
    """Threads that append, each to a stream of its own (s-0, s-1 …), bookmarks and notes in turn, for a with block.

    connect: opens the connection of each. appended: how many events each has appended.
    """

    def __init__(self, connect: Callable[[], Connection], count: int = 4) -> None:
        self.appended = [0] * count
        self._connect = connect
        self._crew = Crew()
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        """Start them and wait until all are at work."""
        for number in range(len(self.appended)):
            self._crew.start(self._write, number)
        until(lambda: min(self.appended) > 10, "writers at work")
        return self

    def __exit__(self, *_: object) -> None:
        """End them; raise what any of them raised."""
        self._stop.set()
        self._crew.join()

    def go_on(self) -> None:
        """Wait until each has appended some more."""
        reached = list(self.appended)
        until(lambda: min(now - then for now, then in zip(self.appended, reached, strict=True)) > 10, "writers go on")

    def _write(self, number: int) -> None:
        connection = self._connect()
        while not self._stop.is_set():
            append(connection, f"s-{number}", bounded_context="bn"[number % 2])
            self.appended[number] += 1


def random_of(seed: int, *names: object) -> random.Random:
    """Give a generator of its own for each thread, so that a seed says what each of them does."""
    return random.Random(":".join(map(str, (seed, *names))))
