"""The feed under writers that do everything a transaction can do, and a detector that would tell if it failed."""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.feed_chaos import DEEDS, BackwardReader, FilteringReader, Finisher, PageReader, Store, Writer, of_type
from tests.feed_support import (
    PERFECT,
    Crew,
    Positions,
    Seen,
    Watch,
    append,
    judge,
    mark,
    read_all,
    stored,
    until,
    value,
)
from tests.fixtures import Connect, Connection

SEED_VARIABLE = "ESDB_TEST_SEED"
CHAOS_SECONDS = 8.0
WRITERS = 12
STREAMS = [f"chaos-{number:02}" for number in range(25)]
LIMIT = 1 << 20


def test_nothing_is_skipped_doubled_or_inverted(db: Connection, db_url: str) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**9))
    print(f"{SEED_VARIABLE}={seed}")
    prepared: queue.Queue[Any] = queue.Queue()
    done = threading.Event()
    store = Store(db_url, seed, time.monotonic() + CHAOS_SECONDS, Positions(LIMIT), prepared, done)
    pages, back, filtered = (Watch(Positions(LIMIT)) for _ in range(3))
    crew = [Writer(store, str(number), STREAMS) for number in range(WRITERS)]
    writers, finisher, readers = Crew(), Crew(), Crew()
    readers.start(PageReader(store, pages, "pages", (1, 7, 100)).run)
    readers.start(BackwardReader(store, back, "back", (1, 7, 100)).run)
    readers.start(FilteringReader(store, filtered, "filtered", (1, 5, 50)).run)
    finisher.start(Finisher(store).run)
    for writer in crew:
        writers.start(writer.run)
    try:
        writers.join()
    finally:
        prepared.put(None)
        finisher.join()
        done.set()
    readers.join()

    events = of_type(db, None, LIMIT)
    assert sum((writer.deeds for writer in crew), Counter()).keys() == DEEDS
    assert (events.missing_in(store.committed), store.committed.missing_in(events)) == (0, 0)
    assert pages.verdict(events) == PERFECT
    assert back.verdict(events) == PERFECT
    assert filtered.verdict(of_type(db, "Even", LIMIT)) == PERFECT
    every = stored(db)
    assert read_all(db, count=len(every) + 1) == every


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


def test_the_detector_tells_what_differs_backwards() -> None:
    for given, expected, fault in [
        ([3, 2, 1], [3, 2, 1], PERFECT),
        ([3, 1], [3, 2, 1], (1, 0, 0, 0)),
        ([2, 3, 1], [3, 2, 1], (0, 0, 1, 0)),
        ([3, 2, 1], [3, 1], (0, 0, 0, 1)),
    ]:
        watch = Watch(Positions(4))
        watch.see_again(given, expected)
        assert watch.verdict(Positions(4)) == fault
