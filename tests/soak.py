"""`make soak`: the feed for minutes under everything that can befall a store, on a server that is durable.

Writers append in batches and one by one, linger, use savepoints, take their transaction ids early, roll back, die, and
leave prepared transactions to others. Backends are terminated and killed, and the whole server is killed and started
again. Meanwhile one session holds a lock on every partition, another database has a transaction open, and eight
consumers read: each must see each event once and in order. A ninth reads as one should not, and must skip: a run in
which it does not proves nothing. Of each event the consumers keep a byte.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from esdb_cli.server import LocalServer
from tests.databases import environment, run_esdb
from tests.feed_chaos import (
    BackwardReader,
    FilteringReader,
    Finisher,
    NaiveReader,
    PageReader,
    Store,
    Writer,
    of_type,
    sequence,
)
from tests.feed_support import (
    Crew,
    Positions,
    Seen,
    Watch,
    append,
    keep_at_it,
    mark,
    random_of,
    until,
)
from tests.fixtures import Connection, bindir
from tests.soak_report import Reading, Report
from tests.subscription_worker import EFFECTS

JUMP: Final = 1 << 24
"""Positions that a recovery of the server leaves out."""
RATE: Final = 14_000
"""Events a second that the writers of batches go for; what the server's absences cost they make up for."""
BATCH_WRITERS: Final = 4
WRITERS: Final = 12
MONTHS: Final = 24
STREAMS: Final = tuple(f"chaos-{number:02}" for number in range(25))
BATCH_STREAMS: Final = tuple(f"batch-{number:03}" for number in range(200))
WORKERS: Final = 2
CATCH_UP_SECONDS: Final = 600
LAST: Final = "Ended"
"""The type of the last event, by which a reader of a pipe knows the end."""
SETTINGS: Final[dict[str, str | int]] = {
    "max_prepared_transactions": 200,
    "shared_buffers": "512MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "60s",
}
KILLED: Final = {"backends terminated": 2.0, "backends killed": 40.0, "server killed": 75.0}
"""What is done to the server, and after how many seconds again; in short runs sooner."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long the writers write (default 10)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"events a second to go for (default {RATE:,})")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args(arguments)
    report = soak(options.minutes * 60, options.rate, options.seed)
    print(report)
    return 0 if report.is_perfect else 1


def soak(seconds: float, rate: float, seed: int) -> Report:
    """Let everything loose on a server of its own for a time, and judge."""
    _say(f"seed {seed}; {seconds:g} s")
    with tempfile.TemporaryDirectory(prefix="esdb-soak-") as folder, _server() as server:
        return Run(server, Path(folder), seconds, rate, seed).judge()


@contextlib.contextmanager
def _server() -> Iterator[LocalServer]:
    with LocalServer(bindir=bindir(), durable=True, settings=SETTINGS, max_connections=100) as server:
        for command in (["migrate"], ["partitions", "create-next", "--months", str(MONTHS)]):
            result = run_esdb(*command, url=server.url())
            if result.returncode:
                raise RuntimeError(result.stderr)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create database elsewhere")
            connection.execute(EFFECTS)
            connection.execute("select esdb.create_subscription('all', partitions => 4, max_attempts => 1000)")
        yield server


class Run:
    """Writers, readers and what befalls them."""

    def __init__(self, server: LocalServer, folder: Path, seconds: float, rate: float, seed: int) -> None:
        self._server = server
        self._folder = folder
        self._seconds = seconds
        self._rate = rate
        recoveries = seconds / KILLED["backends killed"] + seconds / KILLED["server killed"]
        self._limit = int(2 * rate * seconds + (2 * recoveries + 8) * JUMP)
        self._processes = multiprocessing.get_context("spawn")
        self._results = self._processes.Queue()
        self._done = self._processes.Event()
        self._over = threading.Event()
        self._holders = Crew()
        self._deeds: Counter[str] = Counter()
        self._store = Store(
            server.url(), seed, time.monotonic() + seconds, Positions(self._limit, folder / "committed"),
            self._processes.Queue(), self._done,
        )  # fmt: skip

    def judge(self) -> Report:
        """Run and give the report."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._over.set)
            watches = {kind: self._watch(kind) for kind in READERS}
            readers = [self._start(stack, _read, kind, watch) for kind, watch in watches.items()]
            keep_at_it(self._store.url, lambda connection: append(connection, "first", event_type="Even"))
            until(lambda: all(watch.seen for watch in watches.values()), "every reader at work")
            self._store = replace(self._store, stop=time.monotonic() + self._seconds)
            workers = [stack.enter_context(self._worker(number)) for number in range(WORKERS)]
            writers = [self._start(stack, _write_batches, n, self._rate / BATCH_WRITERS) for n in range(BATCH_WRITERS)]
            writers.append(self._start(stack, _write_singles, WRITERS))
            self._befall(writers)
            readings = [self._result() for _ in readers]
            readings.append(self._effects(workers))
            return self._report(readings)

    def _befall(self, writers: Sequence[object]) -> None:
        """Do to the store what is done to it until the writers have ended; then let the readers come to theirs."""
        crew, trouble = Crew(), Crew()
        crew.start(_reporting_failure, self._results, Finisher(self._store).run)
        self._holders.start(self._hold, self._store.url, _LOCK_EVERY_LEAF)
        self._holders.start(self._hold, self._server.url("elsewhere"), "select pg_current_xact_id()")
        trouble.start(_reporting_failure, self._results, self._trouble)
        for _ in writers:
            self._deeds += self._result()
        trouble.join(CATCH_UP_SECONDS)
        self._store.prepared.put(None)
        crew.join(CATCH_UP_SECONDS)
        keep_at_it(self._store.url, self._finish)
        _say("the writers have ended")
        self._done.set()

    def _finish(self, connection: Connection) -> None:
        for (gid,) in connection.execute("select gid from pg_prepared_xacts").fetchall():
            connection.execute(f"rollback prepared '{gid}'")
        append(connection, "last", event_type=LAST)

    def _start(self, stack: contextlib.ExitStack, work: Callable[..., Any], *arguments: Any) -> object:
        process = self._processes.Process(
            target=_reporting, args=(self._results, work, self._store, *arguments), daemon=True
        )
        process.start()
        stack.callback(process.join)
        stack.callback(process.terminate)
        return process

    def _watch(self, kind: str) -> Watch:
        return Watch(Positions(self._limit, self._folder / kind))

    def _result(self) -> Any:
        """Give what one of the processes has to tell; what it raised is raised here."""
        result = self._results.get(timeout=self._seconds + CATCH_UP_SECONDS)
        if isinstance(result, _Failure):
            raise RuntimeError(result.text)  # noqa: TRY004 - not about a type
        return result

    @contextlib.contextmanager
    def _worker(self, number: int) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "tests.subscription_worker", self._store.url, "all", f"w{number}"]
        process = subprocess.Popen([*command, str(self._store.seed), "--count", "1000", "--lease", "10 seconds"])
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _hold(self, url: str, statement: str) -> None:
        """Keep a transaction open that has done something."""

        def hold(connection: Connection) -> None:
            connection.execute("begin")
            connection.execute(statement)
            while not self._over.wait(0.2):
                connection.execute("select")

        keep_at_it(url, hold)

    def _trouble(self) -> None:
        """Terminate and kill, again and again."""
        dice = random_of(self._store.seed, "trouble")
        deeds: dict[str, Callable[[random.Random], None]] = {
            "backends terminated": self._terminate,
            "backends killed": self._kill_backend,
            "server killed": self._kill_server,
        }
        pauses = {name: min(pause, self._seconds / (3 + number)) for number, (name, pause) in enumerate(KILLED.items())}
        due = {name: time.monotonic() + pause for name, pause in pauses.items()}
        # each at least once, also where a machine is so busy that one of them takes all of a short run
        while time.monotonic() < self._store.stop or not all(self._deeds[name] for name in deeds):
            time.sleep(0.1)
            for name, deed in deeds.items():
                if due[name] <= time.monotonic():
                    deed(dice)
                    self._deeds[name] += 1
                    due[name] = time.monotonic() + pauses[name]

    def _terminate(self, dice: random.Random) -> None:
        keep_at_it(
            self._store.url,
            lambda connection: connection.execute(
                "select pg_terminate_backend(%s)", (dice.choice(_backends(connection)),)
            ),
        )

    def _kill_backend(self, dice: random.Random) -> None:
        """Kill one with SIGKILL: the server ends all others and recovers."""
        # each look a transaction of its own, because one sees the same sessions to its end
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(self._store.url, autocommit=True) as connection,
        ):
            victim = dice.choice(_backends(connection))
            os.kill(victim, signal.SIGKILL)

    def _kill_server(self, _: random.Random) -> None:
        self._server.kill9()
        self._server.start(timeout=CATCH_UP_SECONDS)

    def _effects(self, workers: Sequence[subprocess.Popen[bytes]]) -> Reading:
        """Wait for the subscription's end, and read what it did."""
        watch = self._watch("subscription")

        def is_at_end(connection: Connection) -> bool:
            query = "select min(position) >= esdb.last_position() from esdb.subscription_lag"
            return bool(connection.execute(query).fetchone() == (True,))

        with psycopg.connect(self._store.url, autocommit=True) as connection:
            end = time.monotonic() + CATCH_UP_SECONDS
            while not is_at_end(connection) and time.monotonic() < end:
                time.sleep(0.2)
            if any(worker.poll() is not None for worker in workers):
                raise RuntimeError("a worker of the subscription has ended")
            with connection.transaction(), connection.cursor(name="effects", binary=True) as cursor:
                cursor.itersize = 20_000
                cursor.execute("select position, aggregate_id, version, '' from effects order by number")
                watch.see(Seen(*row) for row in cursor)
        return Reading("subscription", watch)

    def _report(self, readings: Sequence[Reading]) -> Report:
        with psycopg.connect(self._store.url, autocommit=True) as connection:
            assert mark(connection) == sequence(connection), "the feed has stalled"
            stored = {
                kind: of_type(connection, kind, self._limit) for kind in {reading.event_type for reading in readings}
            }
        self._over.set()
        self._holders.join()
        everything = stored[None]
        verdicts = {
            reading.name: (reading.watch.count, reading.watch.verdict(stored[reading.event_type]))
            for reading in readings
            if not reading.is_control
        }
        control = sum(everything.missing_in(reading.watch.seen) for reading in readings if reading.is_control)
        lost = self._store.committed.missing_in(everything)
        return Report(self._store.seed, len(everything), verdicts, lost, control, self._deeds)


class _Failure(NamedTuple):
    text: str


def _reporting_failure(results: Any, work: Callable[..., Any], *arguments: Any) -> None:
    """Work in a thread and tell what it raised to who waits for the processes."""
    try:
        work(*arguments)
    except BaseException:  # noqa: BLE001 - raised again by _result()
        results.put(_Failure(traceback.format_exc()))


def _reporting(results: Any, work: Callable[..., Any], *arguments: Any) -> None:
    """Work in a process of its own and tell the result."""
    # so that it ends what it has started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # a connection that breaks in a transaction is no news here
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    try:
        results.put(work(*arguments))
    except BaseException:  # noqa: BLE001 - raised again by _result()
        results.put(_Failure(traceback.format_exc()))


def _write_batches(store: Store, number: int, rate: float) -> Counter[str]:
    writer = Writer(store, f"batch-{number}", BATCH_STREAMS, sizes=(100, 300, 1000), rate=rate)
    writer.run()
    return writer.deeds


def _write_singles(store: Store, count: int) -> Counter[str]:
    writers, crew = [Writer(store, str(number), STREAMS) for number in range(count)], Crew()
    for writer in writers:
        crew.start(writer.run)
    crew.join(store.stop - time.monotonic() + CATCH_UP_SECONDS)
    return sum((writer.deeds for writer in writers), Counter())


def _tail(store: Store, watch: Watch) -> None:
    """Read what `esdb tail --follow` prints, until the last event."""
    command = [sys.executable, "-m", "esdb_cli", "tail", "--follow", "--json", "--from", "0", "--poll", "0.1"]
    process = subprocess.Popen(command, env=environment(store.url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    killer = threading.Timer(store.stop - time.monotonic() + CATCH_UP_SECONDS, process.kill)
    killer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            watch.see([Seen(event["position"], event["aggregate_id"], event["version"], event["event_type"])])
            if event["event_type"] == LAST:
                return
        raise RuntimeError(f"esdb tail ended before the last event: {process.wait()}")
    finally:
        killer.cancel()
        process.kill()
        process.wait()


READERS: Final[Mapping[str, Callable[[Store, Watch], object]]] = {
    "pages": lambda store, watch: PageReader(store, watch, "pages", (1, 10, 1000)).run(),
    "large pages": lambda store, watch: PageReader(store, watch, "large", (1000, 5000)).run(),
    "filtered": lambda store, watch: FilteringReader(store, watch, "filtered", (10, 100, 1000)).run(),
    "filtered, large": lambda store, watch: FilteringReader(store, watch, "filtered-large", (1000, 5000)).run(),
    "backward": lambda store, watch: BackwardReader(store, watch, "backward", (10, 1000)).run(),
    "backward, large": lambda store, watch: BackwardReader(store, watch, "backward-large", (1000, 2000)).run(),
    "tail": _tail,
    "control": lambda store, watch: NaiveReader(store, watch, "naive", (1000, 5000)).run(),
}


def _read(store: Store, kind: str, watch: Watch) -> Reading:
    READERS[kind](store, watch)
    return Reading(kind, watch, "Even" if kind.startswith("filtered") else None, kind == "control")


_LOCK_EVERY_LEAF: Final = "lock table esdb.events in access share mode"


def _backends(connection: Connection) -> list[int]:
    """Give the other sessions; of a server that has just started, when the first one is there."""
    query = """
        select pid
        from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()
        order by backend_start, pid
    """
    return [pid for (pid,) in until(lambda: connection.execute(query).fetchall(), "other sessions")]


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
