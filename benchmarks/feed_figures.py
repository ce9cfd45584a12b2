"""The figures that `make bench-feed` takes, each under its conditions."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from psycopg.types.json import Jsonb

from benchmarks import events, pgbench
from benchmarks.ledger_variants import DEFINITION, without_wake_up
from benchmarks.partitions_store import CONTEXTS, Store, esdb

if TYPE_CHECKING:
    import psycopg

    from benchmarks.cluster import Cluster

_STORE: Final = Store("feed", 0)
_SILENT: Final = "feed_silent"
_ONE: Final = "one"
_EIGHT: Final = "eight"
_BATCH: Final = 1000
_VARIABLES: Final = events.variables()
_APPEND: Final = """select esdb.append_event(
    aggregate_id => 'order-' || gen_random_uuid()::text, event_type => 'OrderPlaced', payload => :payload,
    expected_version => 0, bounded_context => 'b', group_context => 'm', aggregate_type => 'Order',
    metadata => :metadata);
"""
_CONSUME: Final = """select count(*) as found, coalesce(max(position), :cursor) as cursor
from esdb.read_all(:cursor, 1000) \\gset
"""
_PAUSE: Final = """\\if :found < 1000
\\sleep 25 ms
\\endif
"""
_CONSUME_LIVE: Final = _CONSUME + _PAUSE
# what reading costs by itself: the same pages, which skip whatever is committed late
_CONSUME_WITHOUT_MARK: Final = _CONSUME_LIVE.replace("esdb.read_all(", "public.read_without_mark(")
_EMPTY_POLL: Final = "select * from public.nothing(:cursor);\n"
_HANDLE: Final = """select coalesce(max(token), 0) as token, coalesce(max(position), 0) as last
from esdb.claim_events('eight', 'worker-' || :client_id::text, {page}) \\gset
\\if :token > 0
select esdb.ack('eight', :token, :last);
\\else
\\sleep 5 ms
\\endif
"""
# what a poll of read_all() costs the server before it begins; and a reader that trusts the positions it sees
_NOTHING: Final = """
create function public.nothing(
    after_position bigint default 0, max_count integer default 1000, bounded_contexts text[] default null,
    group_contexts text[] default null, feature_contexts text[] default null, event_types text[] default null,
    aggregate_types text[] default null, backward boolean default false, up_to_position bigint default null,
    skip_archived boolean default false)
returns setof esdb.events language plpgsql as 'begin return; end';

create function public.read_without_mark(
    after_position bigint, max_count integer
)
returns setof esdb.events language plpgsql as $function$
begin
    return query execute
        'select * from esdb.events as e where e.timestamp < $1 and e.position > $2 order by e.position limit $3'
        using esdb._newest_month_end(), after_position, max_count;
end
$function$
"""
_LOCK_EVERY_LEAF: Final = "lock table esdb.events in access share mode"


@dataclass(frozen=True)
class Plan:
    """How much is measured. snapshot_seconds: the age of an old snapshot; events: those that subscriptions read."""

    repeats: int
    seconds: int
    months: int
    snapshot_seconds: int
    wake_ups: int
    events: int


FULL: Final = Plan(repeats=5, seconds=5, months=117, snapshot_seconds=60, wake_ups=100, events=400_000)
QUICK: Final = Plan(repeats=1, seconds=1, months=9, snapshot_seconds=2, wake_ups=10, events=50_000)


class Bench:
    """The store that is measured."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.leaves = 0

    def build(self) -> None:
        """Make it, and one without wake-ups, and fill it with what subscriptions are to deliver."""
        self.cluster.create(_STORE.database)
        esdb(self.cluster, _STORE, "migrate")
        esdb(self.cluster, _STORE, "partitions", "create-next", "--months", str(self.plan.months))
        self.leaves = int(self.cluster.value(_STORE.database, "select count(*) from esdb.partitions"))
        self.cluster.execute(_STORE.database, _NOTHING)
        self.cluster.create(_SILENT, _STORE.database)
        definition = str(self.cluster.value(_SILENT, DEFINITION))
        self.cluster.execute(_SILENT, without_wake_up(definition))
        self.cluster.execute(_SILENT, _NO_WAKE_UP)
        with self.cluster.connection(_STORE.database) as connection:
            one = {"event_type": "OrderPlaced", "payload": json.loads(events.PAYLOAD)}
            batch = Jsonb([one] * (_BATCH // 10))
            for number in range(self.plan.events * 10 // _BATCH):
                connection.execute(
                    "select from esdb.append_events(%s, %s, bounded_context => %s, group_context => 'm')",
                    (f"s{number % 1000}", batch, CONTEXTS[number % 1000 % len(CONTEXTS)]),
                )
            connection.execute(
                "select esdb.create_subscription('one'), esdb.create_subscription('eight', partitions => 8)"
            )
            connection.execute("vacuum analyze")
        self.filled_to = self.end()

    def run(self, script: str, clients: int, database: str = _STORE.database, **options: Any) -> pgbench.Run:
        """Run a script of pgbench's; :cursor is the end of the feed."""
        variables = {**_VARIABLES, "cursor": str(self.end())}
        seconds = options.pop("seconds", self.plan.seconds)
        return pgbench.run(
            self.cluster, database, script, clients=clients, seconds=seconds, variables=variables, **options
        )

    def end(self) -> int:
        """Give the last position drawn."""
        return int(self.cluster.value(_STORE.database, "select esdb.last_position()"))

    @contextmanager
    def beside(self, script: str | None, clients: int) -> Iterator[None]:
        """Let other clients run a script for as long as a sample takes."""
        if script is None:
            yield
            return
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.run, script, clients, seconds=self.plan.seconds + 2)
            time.sleep(1)
            yield
            running.result()

    @contextmanager
    def every_leaf_locked(self) -> Iterator[None]:
        """Let another session hold a lock on every partition."""
        with self.cluster.connection(_STORE.database) as connection, connection.transaction():
            connection.execute(_LOCK_EVERY_LEAF)
            yield

    @contextmanager
    def old_snapshot(self) -> Iterator[None]:
        """Hold a snapshot in another session, as a long report or dump does."""
        with self.cluster.connection(_STORE.database) as connection:
            connection.execute("begin isolation level repeatable read")
            connection.execute("select pg_current_snapshot()")
            yield
            connection.execute("rollback")


@dataclass(frozen=True)
class Figure:
    """A figure and the conditions under which it is taken. take: gives a sample, in the unit."""

    key: str
    title: str
    unit: str
    conditions: tuple[str, ...]
    take: Callable[[Bench, str], float]


_CONSUMERS: Final = {
    "no consumer": None,
    "8 live consumers": _CONSUME_LIVE,
    "8 reading the same without a mark": _CONSUME_WITHOUT_MARK,
    "8 polling without a pause": _CONSUME,
    "8 calling an empty function without a pause": _EMPTY_POLL,
}


def _appends(bench: Bench, condition: str) -> float:
    with bench.beside(_CONSUMERS[condition], 8):
        return bench.run(_APPEND, 16).rate


def _appends_locked(bench: Bench, condition: str) -> float:
    with bench.every_leaf_locked():
        return _appends(bench, condition)


def _mark(bench: Bench, condition: str) -> float:
    """Ask for the mark beside writers, so that there is always a new one to be found."""
    with bench.every_leaf_locked(), bench.beside(_APPEND, 4):
        run = bench.run("select esdb.high_water_mark();\n", 1, latencies=True)
    return run.latency_ms if condition == "mean" else run.percentiles_ms[int(condition[1:])]


_POLLS: Final = {
    "an empty function": _EMPTY_POLL,
    "read_all": "select * from esdb.read_all(:cursor);\n",
    "claim_events, 1 partition": "select * from esdb.claim_events('one', 'w');\n",
    "claim_events, 8 partitions": "select * from esdb.claim_events('eight', 'w');\n",
}


def _nothing(bench: Bench, condition: str) -> float:
    for name in (_ONE, _EIGHT):
        bench.cluster.execute(_STORE.database, f"select esdb.reset_subscription('{name}', -1)")
    return bench.run(_POLLS[condition], 1, latencies=True).percentiles_ms[50] * 1000


def _notify(bench: Bench, condition: str) -> float:
    return bench.run(_APPEND, 32, _STORE.database if condition == "as shipped" else _SILENT).rate


class _Tail:
    """`esdb tail --follow`, whose lines are read as they come."""

    def __init__(self, bench: Bench) -> None:
        command = [sys.executable, "-m", "esdb_cli", "tail", "--follow", "--json", "--from", str(bench.end())]
        environment = {**os.environ, "ESDB_DATABASE_URL": bench.cluster.url(_STORE.database)}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def arrival(self, position: int) -> float:
        """Wait for an event and give the time at which it came."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if json.loads(line)["position"] >= position:
                return time.perf_counter()
        raise RuntimeError("esdb tail has ended")


def _append_one(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "select position from esdb.append_event('w-' || gen_random_uuid()::text, 'T', '{}', bounded_context => 'b',"
        " group_context => 'm')"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _wake(bench: Bench, condition: str) -> float:
    """Append now and then, and see how long after the commit the consumer has it."""
    waits = []
    with _Tail(bench) as tail, bench.cluster.connection(_STORE.database) as writer:
        tail.arrival(_append_one(writer))
        for number in range(bench.plan.wake_ups):
            time.sleep(0.1 + number % 7 * 0.03)
            position = _append_one(writer)
            committed = time.perf_counter()
            waits.append((tail.arrival(position) - committed) * 1000)
    waits.sort()
    return waits[len(waits) * int(condition[1:]) // 100]


def _wake_late(bench: Bench, condition: str) -> float:
    """Let a writer take the turn to notify and roll back or linger; another's event must come nevertheless."""
    with ExitStack() as stack:
        tail = stack.enter_context(_Tail(bench))
        first, second = (stack.enter_context(bench.cluster.connection(_STORE.database)) for _ in range(2))
        tail.arrival(_append_one(second))
        waits = []
        for _ in range(max(bench.plan.wake_ups // 10, 2)):
            time.sleep(0.3)
            with first.transaction(force_rollback=condition == "rolled back"):
                _append_one(first)
                position = _append_one(second)
                if condition == "lingered":
                    time.sleep(0.3)
            committed = time.perf_counter()
            waits.append((tail.arrival(position) - committed) * 1000)
    return max(waits)


def _claim(bench: Bench, condition: str) -> float:
    """Give the median microseconds of claims, of acks, of both or of a plain read of as many events."""
    what, _, rest = condition.partition(", ")
    page = int(rest.split()[0])
    times: dict[str, list[float]] = {"claim": [], "ack": [], "both": [], "read_all": []}
    bench.cluster.execute(_STORE.database, "select esdb.reset_subscription('one')")
    with bench.cluster.connection(_STORE.database) as connection:
        connection.prepare_threshold = 0
        for number in range(min(200, bench.filled_to // page)):
            started = time.perf_counter()
            connection.execute("select * from esdb.read_all(%s, %s)", (number * page, page)).fetchall()
            read = time.perf_counter()
            rows = connection.execute("select * from esdb.claim_events('one', 'w', %s)", (page,)).fetchall()
            claimed = time.perf_counter()
            connection.execute("select esdb.ack('one', %s, %s)", (rows[0][0], rows[-1][3]))
            acked = time.perf_counter()
            for name, seconds in (
                ("read_all", read - started),
                ("claim", claimed - read),
                ("ack", acked - claimed),
                ("both", acked - read),
            ):
                times[name].append(seconds * 1e6)
    ranked = sorted(times[what])
    return ranked[len(ranked) * 99 // 100] if condition.endswith("p99") else statistics.median(ranked)


def _delivered(bench: Bench, condition: str) -> float:
    """Give the events a second that workers claim and acknowledge, of eight partitions."""
    workers, page = (int(part.split()[0]) for part in condition.split(", ")[:2])
    script = _HANDLE.format(page=page)
    with bench.old_snapshot() if condition.endswith("snapshot") else nullcontext():
        if condition.endswith("snapshot"):
            bench.cluster.execute(_STORE.database, "select esdb.reset_subscription('eight')")
            bench.run(script, workers, seconds=bench.plan.snapshot_seconds)
        bench.cluster.execute(_STORE.database, "select esdb.reset_subscription('eight')")
        run = bench.run(script, workers)
        handled = bench.cluster.value(
            _STORE.database,
            "select count(*) from esdb.events as e join esdb.subscription_lag as l on l.subscription = 'eight'"
            " and l.partition = esdb._partition_of(e.aggregate_id, 8) and e.position <= l.position",
        )
    return float(handled) / run.seconds


_NO_WAKE_UP: Final = """
create or replace function esdb._wake_listeners() returns void language plpgsql as 'begin end'
"""
FIGURES: Final = (
    Figure("appends", "Appends of 16 writers", "appends/s", tuple(_CONSUMERS), _appends),
    Figure("appends_locked", "The same, a lock on every partition elsewhere", "appends/s", tuple(_CONSUMERS),
           _appends_locked),
    Figure("mark", "high_water_mark() beside 4 writers and those locks", "ms", ("mean", "p50", "p99"), _mark),
    Figure("nothing", "A poll that finds nothing, p50", "µs", tuple(_POLLS), _nothing),
    Figure("notify", "Appends of 32 writers, a wake-up each 20 ms", "appends/s", ("as shipped", "without wake-ups"),
           _notify),
    Figure("wake", "Commit to esdb tail, idle store", "ms", ("p50", "p99"), _wake),
    Figure("wake_late", "The same, the writer that notifies does not commit, worst", "ms", ("rolled back", "lingered"),
           _wake_late),
    Figure("claim", "A subscription of 1 partition", "µs",
           tuple(f"{what}, {page} events{end}" for page in (100, 1000)
                 for what, end in (("read_all", ""), ("claim", ""), ("claim", ", p99"), ("ack", ""), ("ack", ", p99"),
                                   ("both", ""))),
           _claim),
    Figure("delivered", "Events claimed and acknowledged, 8 partitions", "events/s",
           tuple(f"{workers} workers, {page} a claim{end}" for end in ("", ", beside an old snapshot")
                 for workers in (1, 8) for page in (100, 1000)),
           _delivered),
)  # fmt: skip
