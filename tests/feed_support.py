"""Appending, reading and waiting, as the tests of races, of the feed and of partitions do it."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.fixtures import Connection

DEADLINE = 30.0
"""Seconds after which what a test waits for counts as never coming."""

LONGEST_ABSENCE = 300.0
"""Seconds that a server gets to come back."""

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


def keep_at_it(url: str, work: Callable[[Connection], object]) -> None:
    """Do some work on a connection; where that breaks, do it again on a new one."""
    while True:
        with _connection(url) as connection:
            try:
                work(connection)
            except psycopg.OperationalError:
                if not connection.broken:
                    raise
            else:
                return


def _connection(url: str) -> Connection:
    """Connect to a server that may be away for a while."""
    end = time.monotonic() + LONGEST_ABSENCE
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def until(condition: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """Wait until a condition gives something true, and give that."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.002)
    pytest.fail(f"waited {deadline:g} s in vain: {what}")


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


def blocks_of(db: Connection, query: str) -> int:
    """Give how many blocks a query touches."""
    plan = value(db, f"explain (analyze, buffers, format json) {query}")[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


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


class Positions:
    """A set of positions below a limit, a byte for each: in memory or in a file, which processes share."""

    _AT_ONCE: Final = 1 << 20

    def __init__(self, limit: int, path: Path | None = None) -> None:
        self.limit = limit
        self.path = path
        if path is None:
            self._bytes = mmap.mmap(-1, limit)
            return
        with path.open("ab+") as file:
            if file.seek(0, os.SEEK_END) < limit:
                file.truncate(limit)
            self._bytes = mmap.mmap(file.fileno(), limit)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the same file."""
        assert self.path is not None
        return Positions, (self.limit, self.path)

    def add(self, position: int) -> bool:
        """Add a position; tell whether it is new."""
        is_new = self._bytes[position] == 0
        self._bytes[position] = 1
        return is_new

    def __bool__(self) -> bool:
        return self._bytes.find(b"\1") >= 0

    def __len__(self) -> int:
        return sum(part.bit_count() for part in self._parts())

    def downwards(self, start: int, lowest: int) -> Iterator[int]:
        """Give those between two positions, the highest first."""
        position = start + 1
        while (position := self._bytes.rfind(b"\1", lowest, position)) >= 0:
            yield position

    def missing_in(self, other: Positions) -> int:
        """Count the positions that the other set has not; it has the same limit."""
        pairs = zip(self._parts(), other._parts(), strict=True)
        return sum((mine & ~theirs).bit_count() for mine, theirs in pairs)

    def _parts(self) -> Iterator[int]:
        for start in range(0, self.limit, self._AT_ONCE):
            yield int.from_bytes(self._bytes[start : start + self._AT_ONCE], "little")


class Watch:
    """Judges what a consumer sees as it comes: of millions of events it keeps a byte each, and the streams' versions.

    seen: where it keeps the positions.
    """

    def __init__(self, seen: Positions) -> None:
        self.seen = seen
        self.count = 0
        self._skipped = 0
        self._duplicated = 0
        self._inverted = 0
        self._invented = 0
        self._versions: dict[str, int] = {}

    def see(self, events: Iterable[Seen]) -> None:
        """Take what the consumer is given."""
        versions = self._versions
        for position, aggregate_id, version, _ in events:
            self.count += 1
            self._duplicated += not self.seen.add(position)
            self._inverted += version <= versions.get(aggregate_id, 0)
            versions[aggregate_id] = version

    def see_again(self, positions: Sequence[int], expected: Sequence[int]) -> None:
        """Take what the consumer is given when it reads backwards what it saw before."""
        given = set(positions)
        self._skipped += len(set(expected) - given)
        self._duplicated += len(positions) - len(given)
        self._inverted += sum(later >= earlier for earlier, later in itertools.pairwise(positions))
        self._invented += len(given - set(expected))

    def verdict(self, expected: Positions) -> Verdict:
        """Compare with what should have been seen."""
        skipped, invented = expected.missing_in(self.seen), self.seen.missing_in(expected)
        return Verdict(self._skipped + skipped, self._duplicated, self._inverted, self._invented + invented)


def judge(seen: Sequence[Seen], expected: Iterable[Seen]) -> Verdict:
    """Compare what a consumer saw with what it should have seen."""
    wanted = [event.position for event in expected]
    # by rank, because an epoch leaves billions of positions out
    rank = {position: n for n, position in enumerate(sorted({*wanted, *(event.position for event in seen)}))}
    watch, positions = Watch(Positions(len(rank) + 1)), Positions(len(rank) + 1)
    watch.see(event._replace(position=rank[event.position]) for event in seen)
    for position in wanted:
        positions.add(rank[position])
    return watch.verdict(positions)


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

    def join(self, deadline: float = DEADLINE) -> None:
        """Wait for all threads; raise the first error of any."""
        for thread in self._threads:
            thread.join(deadline)
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


def random_of(seed: int | str, *names: object) -> random.Random:
    """Give a generator of its own for each thread, so that a seed says what each of them does."""
    return random.Random(":".join(map(str, (seed, *names))))
