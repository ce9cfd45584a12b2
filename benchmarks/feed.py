"""The feed's safety: writers that linger before they commit, and one reader who must miss nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg

from benchmarks import events

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.targets.base import Feed, Target

_WRITERS: Final = 16
_LINGER_SECONDS: Final = 0.02
_POLL_SECONDS: Final = 0.001
_SHARED_STREAMS: Final = 40
_STREAM_BASE: Final = 500_000_000_000
_CATCH_UP_SECONDS: Final = 60
"""How long the reader may need to reach the end after the writers have stopped."""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass
class _Test:
    """What writers and reader share."""

    cluster: Cluster
    database: str
    feed: Feed
    stop_at: float
    committed: set[tuple[str, int]] = field(default_factory=set)
    seen: list[tuple[str, int]] = field(default_factory=list)
    writers_done: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


def measure_feed(cluster: Cluster, target: Target, *, seconds: float) -> dict[str, Any]:
    """Write with 16 clients and read beside them; tell what the reader skipped, saw twice or saw out of order."""
    assert target.feed is not None
    database = f"{target.name}_run"
    cluster.create(database, target.store("empty"))
    test = _Test(cluster, database, target.feed, time.monotonic() + seconds)
    writers = [threading.Thread(target=_guarded, args=(test, _write, number)) for number in range(_WRITERS)]
    reader = threading.Thread(target=_guarded, args=(test, _read, 0))
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    test.writers_done.set()
    reader.join()
    if test.errors:
        raise test.errors[0]
    cluster.drop(database)
    return _verdict(target, test, seconds)


def _verdict(target: Target, test: _Test, seconds: float) -> dict[str, Any]:
    seen = set(test.seen)
    newest: dict[str, int] = {}
    inverted = 0
    for stream, version in test.seen:
        inverted += version < newest.get(stream, 0)
        newest[stream] = max(version, newest.get(stream, 0))
    return {
        "target": target.name,
        "committed": len(test.committed),
        "per_second": round(len(test.committed) / seconds),
        "skipped": len(test.committed - seen),
        "skipped_percent": round(100 * len(test.committed - seen) / max(len(test.committed), 1), 1),
        "duplicated": len(test.seen) - len(seen),
        "inverted": inverted,
    }


def _guarded(test: _Test, work: Callable[[_Test, Connection, int], None], number: int) -> None:
    try:
        with test.cluster.connection(test.database) as connection:
            work(test, connection, number)
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for all
        test.errors.append(error)


def _write(test: _Test, connection: Connection, number: int) -> None:
    own = _STREAM_BASE + 1_000_000 + number
    own_version = 0
    values = events.variables()
    while time.monotonic() < test.stop_at:
        shared = test.feed.shared and random.random() < 0.5
        stream = _STREAM_BASE + random.randrange(_SHARED_STREAMS) if shared else own
        parameters = {**values, "stream": stream, "version": own_version + 1}
        with connection.transaction():
            for statement in test.feed.before_write:
                connection.execute(statement)
            row = connection.execute(test.feed.write, parameters).fetchone()
            time.sleep(random.uniform(0, _LINGER_SECONDS))
        if row is None or row[0] is None:
            continue
        own_version += stream == own
        with test.guard:
            test.committed.add((str(stream), int(row[0])))


def _read(test: _Test, connection: Connection, _: int) -> None:
    """Follow the feed until the writers are done and it has come to its end."""
    cursor = {"cursor": 0, "cursor2": 0}
    while time.monotonic() < test.stop_at + _CATCH_UP_SECONDS:
        done = test.writers_done.is_set()
        rows = connection.execute(test.feed.read, cursor).fetchall()
        for stream, version, first, second in rows:
            # whatever stands before it, a category or a UUID's start, the last 12 digits are the stream
            test.seen.append((str(stream)[-12:], int(version)))
            cursor = {"cursor": int(first), "cursor2": int(second)}
        if not rows:
            if done:
                return
            time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"the reader was not at the end of the feed {_CATCH_UP_SECONDS} s after the last write")
