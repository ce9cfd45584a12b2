"""The feed under writers that do everything a transaction can do, and a detector that would tell if it failed."""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.feed_support import PERFECT, Crew, Seen, append, judge, mark, random_of, read_all, stored, until, value
from tests.fixtures import Connect, Connection

SEED_VARIABLE = "ESDB_TEST_SEED"
CHAOS_SECONDS = 8.0
WRITERS = 12
STREAMS = [f"chaos-{number:02}" for number in range(25)]
CONTEXTS = "bnt"
EVENT_TYPES = ("Even", "Odd")


class Rolled(Exception):  # noqa: N818 - no error: a writer's change of mind
    """A writer gives its transaction up."""


class Store:
    """What the writers know to be committed, and the prepared transactions they have left to others."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.seed = seed
        self.stop = time.monotonic() + CHAOS_SECONDS
        self.committed: set[int] = set()
        self.prepared: queue.Queue[tuple[str, list[int]] | None] = queue.Queue()
        self.done = threading.Event()
        self.deeds: set[str] = set()
        self._guard = threading.Lock()

    def commit(self, positions: list[int]) -> None:
        """Note positions whose commit was acknowledged."""
        with self._guard:
            self.committed.update(positions)


class Writer:
    """One connection that appends in every way there is."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._number = number
        self._dice = random_of(store.seed, "writer", number)
        self._prepared = 0
        self._positions: list[int] = []

    def run(self) -> None:
        """Write until time is up; a connection that died is replaced."""
        while time.monotonic() < self._store.stop:
            with psycopg.connect(self._store.url, autocommit=True) as connection:
                try:
                    while time.monotonic() < self._store.stop:
                        self._one(connection)
                except psycopg.OperationalError:
                    if not connection.broken:
                        raise

    def _one(self, connection: Connection) -> None:
        deeds: list[tuple[str, Callable[[Connection], None]]] = [
            ("single", self._single),
            ("commit", self._transaction),
            ("commit", self._transaction),
            ("roll back", self._roll_back),
            ("die", self._die),
            ("prepare", self._prepare),
        ]
        weights = [4, 6, 6, 2, 1, 2]
        name, deed = self._dice.choices(deeds, weights)[0]
        self._positions = []
        self._store.deeds.add(name)
        deed(connection)

    def _single(self, connection: Connection) -> None:
        self._append(connection, self._dice.choice(STREAMS))
        self._store.commit(self._positions)

    def _transaction(self, connection: Connection) -> None:
        with connection.transaction():
            self._work(connection)
        self._store.commit(self._positions)

    def _roll_back(self, connection: Connection) -> None:
        with connection.transaction():
            self._work(connection)
            raise psycopg.Rollback

    def _die(self, connection: Connection) -> None:
        connection.execute("begin")
        self._work(connection)
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    def _prepare(self, connection: Connection) -> None:
        self._prepared += 1
        gid = f"{connection.info.dbname}-{self._number}-{self._prepared}"
        connection.execute("begin")
        self._work(connection)
        connection.execute(sql.SQL("prepare transaction {}").format(sql.Literal(gid)))
        self._store.prepared.put((gid, self._positions))

    def _work(self, connection: Connection) -> None:
        """Append to streams in one order, so that no writer waits for another in a circle."""
        dice = self._dice
        if dice.random() < 0.3:
            connection.execute("select pg_current_xact_id()")
            self._linger()
        for stream in sorted(dice.choices(STREAMS, k=dice.randint(1, 5))):
            if dice.random() < 0.3:
                self._in_savepoint(connection, stream)
            else:
                self._append(connection, stream)
        self._linger()

    def _in_savepoint(self, connection: Connection, stream: str) -> None:
        kept = list(self._positions)
        try:
            with connection.transaction():
                self._append(connection, stream)
                if self._dice.random() < 0.6:
                    raise Rolled  # noqa: TRY301 - ends the savepoint
        except Rolled:
            self._store.deeds.add("savepoint")
            self._positions = kept
            if self._dice.random() < 0.7:
                self._append(connection, stream)

    def _append(self, connection: Connection, stream: str) -> None:
        context = CONTEXTS[STREAMS.index(stream) % len(CONTEXTS)]
        count = self._dice.choice([1, 1, 1, 2, 5])
        if count == 1:
            event_type = self._dice.choice(EVENT_TYPES)
            result = append(connection, stream, event_type=event_type, bounded_context=context)
            self._positions.append(result.position)
            return
        events = [{"event_type": self._dice.choice(EVENT_TYPES), "payload": {}} for _ in range(count)]
        rows = connection.execute(
            "select position from esdb.append_events(%s, %s, bounded_context => %s, group_context => 'm')",
            (stream, Jsonb(events), context),
        )
        self._positions += [position for (position,) in rows]

    def _linger(self) -> None:
        time.sleep(self._dice.random() ** 2 * 0.02)


def finish_prepared(store: Store) -> None:
    """Commit or roll back, later and from elsewhere, what writers have prepared."""
    dice = random_of(store.seed, "finisher")
    with psycopg.connect(store.url, autocommit=True) as connection:
        while (item := store.prepared.get()) is not None:
            gid, positions = item
            time.sleep(dice.random() * 0.02)
            kept = dice.random() < 0.7
            word = sql.SQL("commit" if kept else "rollback")
            connection.execute(sql.SQL("{} prepared {}").format(word, sql.Literal(gid)))
            if kept:
                store.commit(positions)


def read_pages(store: Store, seen: list[Seen]) -> None:
    """Read plain pages; the cursor is the last event handled."""
    dice = random_of(store.seed, "pages")
    cursor = 0
    with psycopg.connect(store.url, autocommit=True) as connection:
        while True:
            done = store.done.is_set() and mark(connection) >= sequence(connection)
            page = read_all(connection, cursor, dice.choice([1, 7, 100]))
            seen += page
            if page:
                cursor = page[-1].position
            elif done:
                return
            time.sleep(dice.random() * 0.003)


def read_filtered(store: Store, seen: list[Seen]) -> None:
    """Read one event type by the documented protocol, each page in a transaction that may not write."""
    dice = random_of(store.seed, "filtered")
    cursor = 0
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.read_only = True
        while True:
            count = dice.choice([1, 5, 50])
            try:
                with connection.transaction():
                    finished = store.done.is_set()
                    last = sequence(connection)
                    reached = mark(connection)
                    page = read_all(connection, cursor, count, event_types=["Even"], up_to_position=reached)
            except psycopg.errors.SerializationFailure:
                continue
            seen += page
            cursor = page[-1].position if len(page) == count else reached
            if finished and cursor >= last:
                return
            time.sleep(dice.random() * 0.003)


def sequence(connection: Connection) -> int:
    return int(value(connection, "select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)"))


def test_nothing_is_skipped_doubled_or_inverted(db: Connection, db_url: str) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**9))
    print(f"{SEED_VARIABLE}={seed}")
    store = Store(db_url, seed)
    pages: list[Seen] = []
    filtered: list[Seen] = []
    writers, finisher, readers = Crew(), Crew(), Crew()
    readers.start(read_pages, store, pages)
    readers.start(read_filtered, store, filtered)
    finisher.start(finish_prepared, store)
    for number in range(WRITERS):
        writers.start(Writer(store, number).run)
    try:
        writers.join()
    finally:
        store.prepared.put(None)
        finisher.join()
        store.done.set()
    readers.join()

    events = stored(db)
    assert store.deeds == {"single", "commit", "roll back", "die", "prepare", "savepoint"}
    assert {event.position for event in events} == store.committed
    assert judge(pages, events) == PERFECT
    assert judge(filtered, [event for event in events if event.event_type == "Even"]) == PERFECT
    assert [event.position for event in read_all(db, count=len(events) + 1)] == [event.position for event in events]


class Consumer:
    """A consumer that polls up to a mark, which it asks for in the given way."""

    def __init__(self, connection: Connection, find_mark: Callable[[Connection], int]) -> None:
        self._connection = connection
        self._find_mark = find_mark
        self._cursor = 0
        self.seen: list[Seen] = []

    def poll(self) -> int:
        """Read once; give the mark."""
        reached = self._find_mark(self._connection)
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "select position, aggregate_id, version, event_type from esdb.events"
            " where position > %s and position <= %s order by position",
            (self._cursor, reached),
        ).fetchall()
        self.seen += [Seen(*row) for row in rows]
        if rows:
            self._cursor = rows[-1][0]
        return reached


def newest_visible(connection: Connection) -> int:
    return int(value(connection, "select coalesce(max(position), 0) from esdb.events"))


@pytest.mark.parametrize(("find_mark", "skipped"), [(newest_visible, 1), (mark, 0)], ids=["naive", "high-water-mark"])
def test_the_detector_tells_a_reader_that_skips(
    db: Connection, connect: Connect, find_mark: Callable[[Connection], int], skipped: int
) -> None:
    consumer = Consumer(connect(), find_mark)
    slow = connect(autocommit=False)
    append(slow, "slow")
    last = append(db, "quick").position
    consumer.poll()
    slow.commit()
    until(lambda: consumer.poll() >= last, "the mark at the last event")
    assert judge(consumer.seen, stored(db)) == (skipped, 0, 0, 0)


def test_the_detector_tells_doubles_and_inversions() -> None:
    first, second = Seen(1, "s", 1, "T"), Seen(2, "s", 2, "T")
    assert judge([first, second], [first, second]) == PERFECT
    assert judge([first, first, second], [first, second]).duplicated == 1
    assert judge([second, first], [first, second]).inverted == 1
    assert judge([first, second], [first]).invented == 1
