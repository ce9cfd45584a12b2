"""Nobody made partitions for a year: appends go on, the status says why it matters, one command repairs it."""

from __future__ import annotations

import json
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.databases import run_esdb
from tests.feed_clock import Clock, month_after, set_clock
from tests.feed_support import PERFECT, Crew, append, append_many, judge, mark, read_all, stored, until, value
from tests.fixtures import Connect, Connection

STREAMS = [f"old-{number}" for number in range(6)]


def everything(connection: Connection) -> dict[str, Any]:
    """Give what readers see of the events up to now: streams, feed, single events."""
    streams = {
        stream: connection.execute("select * from esdb.read_stream(%s, max_count => 10000)", (stream,)).fetchall()
        for stream in STREAMS
    }
    ids = [(row[1], row[7]) for rows in streams.values() for row in rows[:: max(1, len(rows) // 7)]]
    return {
        "streams": streams,
        "events": [connection.execute("select * from esdb.get_event(%s)", (id_,)).fetchall() for id_, _ in ids],
        "of streams": [connection.execute("select * from esdb.get_event(%s, %s)", pair).fetchall() for pair in ids],
        "info": [connection.execute("select * from esdb.get_stream_info(%s)", (s,)).fetchall() for s in STREAMS],
    }


class Writers:
    """Four threads that append to streams of their own, to two contexts, until they are stopped."""

    def __init__(self, clock: Clock, now: datetime) -> None:
        self.appended = [0] * 4
        self._stop = threading.Event()
        self._crew = Crew()
        for number in range(4):
            self._crew.start(self._write, clock.connect(now), number)

    def _write(self, connection: Connection, number: int) -> None:
        while not self._stop.is_set():
            append(connection, f"new-{number}", bounded_context="bn"[number % 2])
            self.appended[number] += 1

    def go_on(self) -> None:
        """Wait until each of them has appended some more."""
        reached = list(self.appended)
        until(lambda: min(now - then for now, then in zip(self.appended, reached, strict=True)) > 10, "writers at work")

    def stop(self) -> None:
        self._stop.set()
        self._crew.join()


def assert_complete(db: Connection, old: int, appended: list[int]) -> None:
    """Each event is there once, in order, for the feed and for the readers of its stream."""
    events = stored(db)
    assert len(events) == old + sum(appended) == value(db, "select count(distinct id) from esdb.events")
    until(lambda: mark(db) >= events[-1].position, "the mark")
    assert judge(read_all(db, count=len(events) + 1), events) == PERFECT
    for number, count in enumerate(appended):
        rows = db.execute("select version from esdb.read_stream(%s, max_count => 100000)", (f"new-{number}",))
        assert [version for (version,) in rows] == list(range(1, count + 1))


def test_a_year_without_maintenance_is_repaired_by_one_run(db: Connection, db_url: str, connect: Connect) -> None:
    clock = Clock(connect)
    start = datetime.now(UTC).replace(day=3)
    writer = clock.connect(start)
    for months in range(13):  # all but the first few go into the overflow
        set_clock(writer, start + timedelta(days=30.4 * months))
        for number, stream in enumerate(STREAMS):
            append_many(writer, stream, 20, bounded_context="bn"[number % 2])
    now = month_after(start, 12).replace(day=15)
    old = 13 * 6 * 20
    until(lambda: mark(db) >= old, "the mark")
    before, feed = everything(db), read_all(db, count=old)
    assert len(feed) == old

    def esdb(*arguments: str, at: datetime = now) -> subprocess.CompletedProcess[str]:
        return run_esdb("partitions", *arguments, url=db_url, env=Clock.environment(at))

    status = esdb("status", "--check")
    assert status.returncode == 3, status.stderr
    lines = status.stdout.splitlines()
    assert (
        sum(": months ahead of the clock: -9, wanted: 3; run esdb partitions create-next" in line for line in lines)
        == 9
    )
    used = [line for line in lines if ": the overflow holds events since " in line]
    assert [line.partition(":")[0] for line in used] == ["bookmark", "note"]
    assert len(lines) == 9 + 2

    writers = Writers(clock, now)
    writers.go_on()
    try:
        repair = esdb("create-next", "--json")
        writers.go_on()
    finally:
        writers.stop()
    assert repair.returncode == 0, repair.stderr
    spans = [step["context_name"] for step in json.loads(repair.stdout) if step["action"] == "attach_span"]
    assert spans == ["bookmark", "note"]

    status = esdb("status", "--check")
    assert (status.returncode, status.stdout) == (0, "ok\n")
    assert esdb("create-next", "--json").stdout == "[]\n"
    assert db.execute("select * from esdb_meta.partition_faults()").fetchall() == []
    assert everything(db) == before
    assert read_all(db, count=old) == feed
    assert_complete(db, old, writers.appended)

    # and the months that follow are months again
    later = month_after(now.replace(day=1), 4).replace(day=2)
    assert esdb("create-next", at=later).returncode == 0
    assert esdb("status", "--check", at=later).returncode == 0
    assert value(db, "select count(*) from esdb.partitions where kind = 'span'") == 2
