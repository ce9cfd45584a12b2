"""Writers that do everything a transaction can do, and readers of the feed that are judged: for tests and the soak."""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.feed_support import Positions, Watch, append, keep_at_it, mark, random_of, read_all, value
from tests.fixtures import Connection

CONTEXTS = "bnt"
EVENT_TYPES = ("Even", "Odd")
DEEDS = {"single", "commit", "roll back", "die", "prepare", "savepoint"}
_FORGOTTEN = "5 seconds"
"""Age from which a prepared transaction counts as one whose writer never learnt that it was prepared."""
_REST_SECONDS = 0.5


class Rolled(Exception):  # noqa: N818 - no error: a writer's change of mind
    """A writer gives its transaction up."""


class Flag(Protocol):
    """An event of threads or of processes."""

    def is_set(self) -> bool: ...


class Prepared(NamedTuple):
    """A prepared transaction and what it appended."""

    gid: str
    positions: list[int]


class Handover(Protocol):
    """A queue of threads or of processes; None ends it."""

    def put(self, item: Prepared | None, /) -> None: ...

    def get(self, block: bool = ..., timeout: float | None = ...) -> Prepared | None: ...


@dataclass(frozen=True)
class Store:
    """What the writers and the readers of a store share.

    stop: when writers end, by time.monotonic(). committed: positions whose commit was acknowledged. prepared:
    transactions left to others. done: nobody writes any more.
    """

    url: str
    seed: int
    stop: float
    committed: Positions
    prepared: Handover
    done: Flag

    def commit(self, positions: Sequence[int]) -> None:
        """Note positions whose commit was acknowledged."""
        for position in positions:
            self.committed.add(position)


@dataclass
class Writer:
    """One connection that appends in every way there is.

    sizes: of batches. rate: events a second that it goes for; 0: as fast as it can.
    """

    store: Store
    name: str
    streams: Sequence[str]
    sizes: Sequence[int] = (1, 1, 1, 2, 5)
    rate: float = 0
    deeds: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Write until time is up; a connection that died is replaced."""
        self._dice = random_of(self.store.seed, "writer", self.name)
        self._began = time.monotonic()
        self._drawn = 0
        self._prepared = 0
        self._positions: list[int] = []
        keep_at_it(self.store.url, self._write)

    def _write(self, connection: Connection) -> None:
        while time.monotonic() < self.store.stop:
            if self.rate and self._drawn > self.rate * (time.monotonic() - self._began):
                time.sleep(0.005)
            else:
                self._one(connection)

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
        self.deeds[name] += 1
        deed(connection)

    def _single(self, connection: Connection) -> None:
        self._append(connection, self._dice.choice(self.streams))
        self.store.commit(self._positions)

    def _transaction(self, connection: Connection) -> None:
        with connection.transaction():
            self._work(connection)
        self.store.commit(self._positions)

    def _roll_back(self, connection: Connection) -> None:
        with connection.transaction(force_rollback=True):
            self._work(connection)

    def _die(self, connection: Connection) -> None:
        connection.execute("begin")
        self._work(connection)
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    def _prepare(self, connection: Connection) -> None:
        self._prepared += 1
        gid = f"{connection.info.dbname}-{self.name}-{self._prepared}"
        connection.execute("begin")
        self._work(connection)
        connection.execute(sql.SQL("prepare transaction {}").format(sql.Literal(gid)))
        self.store.prepared.put(Prepared(gid, self._positions))

    def _work(self, connection: Connection) -> None:
        """Append to streams in one order, so that no writer waits for another in a circle."""
        dice = self._dice
        if dice.random() < 0.3:
            connection.execute("select pg_current_xact_id()")
            self._linger()
        for stream in sorted(dice.choices(self.streams, k=dice.randint(1, 5))):
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
        except Rolled as error:
            if connection.broken:
                # psycopg ends the transaction around it without a word then, as if it had been committed
                raise psycopg.OperationalError("the connection broke") from error
            self.deeds["savepoint"] += 1
            self._positions = kept
            if self._dice.random() < 0.7:
                self._append(connection, stream)

    def _append(self, connection: Connection, stream: str) -> None:
        context = CONTEXTS[self.streams.index(stream) % len(CONTEXTS)]
        count = self._dice.choice(self.sizes)
        self._drawn += count
        if count == 1:
            event_type = self._dice.choice(EVENT_TYPES)
            result = append(connection, stream, event_type=event_type, bounded_context=context)
            self._positions.append(result.position)
            return
        events = [{"event_type": event_type, "payload": {}} for event_type in self._dice.choices(EVENT_TYPES, k=count)]
        rows = connection.execute(
            "select position from esdb.append_events(%s, %s, bounded_context => %s, group_context => 'm')",
            (stream, Jsonb(events), context),
        )
        self._positions += [position for (position,) in rows]

    def _linger(self) -> None:
        time.sleep(self._dice.random() ** 2 * 0.02)


class Finisher:
    """Commits or rolls back, later and from elsewhere, what writers have prepared.

    What a writer has prepared and, its connection gone, never handed over is rolled back when nothing else is to do.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dice = random_of(store.seed, "finisher")
        self._swept: set[str] = set()

    def run(self) -> None:
        """Finish what comes until the queue's end."""
        while True:
            try:
                item = self._store.prepared.get(timeout=_REST_SECONDS)
            except queue.Empty:
                keep_at_it(self._store.url, self._sweep)
                continue
            if item is None:
                return
            time.sleep(self._dice.random() * 0.02)
            self._finish(item, is_kept=self._dice.random() < 0.7)

    def _finish(self, item: Prepared, *, is_kept: bool) -> None:
        word = sql.SQL("commit" if is_kept else "rollback")
        statement = sql.SQL("{} prepared {}").format(word, sql.Literal(item.gid))
        tries = 0

        def finish(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            connection.execute(statement)

        try:
            keep_at_it(self._store.url, finish)
        except psycopg.errors.UndefinedObject:
            # the connection broke when it was done already
            assert tries > 1 or item.gid in self._swept
        if is_kept and item.gid not in self._swept:
            self._store.commit(item.positions)

    def _sweep(self, connection: Connection) -> None:
        rows = connection.execute(
            "select gid from pg_prepared_xacts"
            " where database = current_database() and prepared < clock_timestamp() - %s::interval",
            (_FORGOTTEN,),
        )
        for (gid,) in rows.fetchall():
            self._swept.add(gid)
            connection.execute(sql.SQL("rollback prepared {}").format(sql.Literal(gid)))


class Reader(ABC):
    """A consumer that polls until it is at the end of a feed that nobody writes to any more."""

    def __init__(self, store: Store, watch: Watch, name: str, sizes: Sequence[int]) -> None:
        self.watch = watch
        self.cursor = 0
        self._store = store
        self._sizes = sizes
        self._dice = random_of(store.seed, "reader", name)

    def run(self) -> None:
        """Read; a connection that died is replaced."""
        keep_at_it(self._store.url, self._read)

    def _read(self, connection: Connection) -> None:
        while not self._poll(connection, self._dice.choice(self._sizes)):
            time.sleep(self._dice.random() * 0.003)

    @abstractmethod
    def _poll(self, connection: Connection, count: int) -> bool:
        """Read once; tell whether that was the end."""


class PageReader(Reader):
    """Reads plain pages; the cursor is the last event handled."""

    def _poll(self, connection: Connection, count: int) -> bool:
        done = self._store.done.is_set() and mark(connection) >= sequence(connection)
        page = read_all(connection, self.cursor, count)
        self.watch.see(page)
        if page:
            self.cursor = page[-1].position
        return done and not page


class BackwardReader(PageReader):
    """Reads plain pages, and after each some events backwards, which must be the ones that it has seen."""

    def _poll(self, connection: Connection, count: int) -> bool:
        at_end = super()._poll(connection, count)
        start = self._dice.randint(0, self.cursor)
        page = read_all(connection, count=count, backward=True, up_to_position=start)
        positions = [event.position for event in page]
        lowest = positions[-1] if len(page) == count else 1
        expected = list(self.watch.seen.downwards(start, lowest))
        self.watch.see_again(positions, expected)
        return at_end


class FilteringReader(Reader):
    """Reads one event type by the documented protocol, each page in a transaction that may not write."""

    def _read(self, connection: Connection) -> None:
        connection.read_only = True
        super()._read(connection)

    def _poll(self, connection: Connection, count: int) -> bool:
        try:
            with connection.transaction():
                finished = self._store.done.is_set()
                last = sequence(connection)
                reached = mark(connection)
                page = read_all(connection, self.cursor, count, event_types=["Even"], up_to_position=reached)
        except psycopg.errors.SerializationFailure:
            return False
        self.watch.see(page)
        self.cursor = page[-1].position if len(page) == count else reached
        return finished and self.cursor >= last


class NaiveReader(Reader):
    """What the feed is there to avoid: reads the table behind the newest event it has seen. It must skip."""

    def _poll(self, connection: Connection, count: int) -> bool:
        done = self._store.done.is_set()
        rows = connection.execute(
            "select position from esdb.events where position > %s order by position limit %s", (self.cursor, count)
        ).fetchall()
        for (position,) in rows:
            self.watch.seen.add(position)
            self.cursor = position
        return done and not rows


def sequence(connection: Connection) -> int:
    """Give the last position drawn."""
    return int(value(connection, "select esdb.last_position()"))


def of_type(connection: Connection, event_type: str | None, limit: int) -> Positions:
    """Give the positions of all events of a type (None: of any) in the table, past the store's functions."""
    positions = Positions(limit)
    with connection.transaction(), connection.cursor(name="stored", binary=True) as cursor:
        cursor.itersize = 20_000
        cursor.execute("select position from esdb.events where coalesce(event_type = %s::text, true)", (event_type,))
        for (position,) in cursor:
            positions.add(position)
    return positions
