"""`make bench-partitions`: what ten years of partitions cost, as ratios of a store of 120 months to one of 12.

Both stores lie on one server and have the same events in each month of each of nine contexts; every month that is over
is sealed. The two take turns, another one first each time. QUICK=1 in the environment takes one short sample of
each number, which shows that all works and little more.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import events, machine, partitions_store, pgbench
from benchmarks.cluster import Cluster
from benchmarks.goals import Goal
from benchmarks.measure import rotated
from benchmarks.partitions_store import CONTEXTS, SPREAD_EVERY, SPREAD_STREAMS, STREAMS_A_MONTH, Store
from benchmarks.report import goals_table, machine_of, markdown_table, publish, say, spread
from benchmarks.run import RESULTS, is_quick

SMALL: Final = Store("months_12", 12)
LARGE: Final = Store("months_120", 120)
STORES: Final = (SMALL, LARGE)
PAGE: Final = 1000
_IDS: Final = 100
"""How many events get_event() is asked for: each is a script of pgbench's."""

_NEW_STREAM: Final = """select esdb.append_event(
    aggregate_id => 'order-' || gen_random_uuid()::text, event_type => 'OrderPlaced', payload => :payload,
    expected_version => 0, bounded_context => 'b', group_context => 'm', metadata => :metadata);
"""


@dataclass(frozen=True)
class Measure:
    """A figure that is taken of a store.

    take: gives a sample, in the unit. stores: of which it is taken.
    """

    key: str
    title: str
    unit: str
    take: Callable[[Cluster, Store, int], float]
    stores: tuple[Store, ...] = STORES


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the stores, measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partitions", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--repeats", type=int, default=1 if is_quick() else 7, help="samples of each number")
    parser.add_argument("--seconds", type=int, default=1 if is_quick() else 3, help="how long a sample takes")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with Cluster() as cluster:
        results: dict[str, Any] = {
            "machine": machine.facts(cluster),
            "repeats": options.repeats,
            "seconds": options.seconds,
            "stores": [_build(cluster, store) for store in STORES],
        }
        results["measures"] = _measure(cluster, options.repeats, options.seconds)
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    publish(results, markdown(results), options.output, "partitions")
    return 0


def _build(cluster: Cluster, store: Store) -> dict[str, Any]:
    partitions_store.build(cluster, store)
    facts = {
        "months": store.months,
        "leaves_with_events": store.leaves,
        "leaves": cluster.value(store.database, "select count(*) from esdb.partitions"),
        "sealed": cluster.value(store.database, "select count(*) from esdb.seals"),
        "events": cluster.value(store.database, "select count(*) from esdb.events"),
    }
    say(f"built {facts}")
    return facts


def _measure(cluster: Cluster, repeats: int, seconds: int) -> list[dict[str, Any]]:
    samples: dict[tuple[str, Store], list[float]] = {(m.key, s): [] for m in MEASURES for s in m.stores}
    for measure in MEASURES:
        for store in measure.stores:  # into the caches
            measure.take(cluster, store, 1)
    for repeat in range(repeats):
        for measure in MEASURES:
            for store in rotated(measure.stores, repeat):
                samples[measure.key, store].append(measure.take(cluster, store, seconds))
                say(f"{measure.key:16} {store.months:4} months {samples[measure.key, store][-1]:10.3f} {measure.unit}")
    return [
        {
            "key": measure.key,
            "title": measure.title,
            "unit": measure.unit,
            "months": {str(store.months): _summary(samples[measure.key, store]) for store in measure.stores},
        }
        for measure in MEASURES
    ]


def _summary(samples: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(samples), 4),
        "min": round(min(samples), 4),
        "max": round(max(samples), 4),
        "samples": [round(sample, 4) for sample in samples],
    }


def _run(cluster: Cluster, store: Store, scripts: str | Sequence[str], seconds: int, clients: int = 1) -> pgbench.Run:
    return pgbench.run(
        cluster, store.database, scripts,
        clients=clients, seconds=seconds, variables={**events.variables(), "months": str(store.months)}, latencies=True,
    )  # fmt: skip


def _median_ms(cluster: Cluster, store: Store, scripts: str | Sequence[str], seconds: int) -> float:
    return _run(cluster, store, scripts, seconds).percentiles_ms[50]


_ONE_MONTH: Final = f"""\\set month random(1, :months)
\\set n random(1, {STREAMS_A_MONTH})
select * from esdb.read_stream('month-b-' || :month::text || '-' || :n::text);
"""
_SPREAD: Final = f"""\\set n random(1, {SPREAD_STREAMS})
select * from esdb.read_stream('spread-b-' || :n::text);
"""


def _append(cluster: Cluster, store: Store, seconds: int) -> float:
    return _median_ms(cluster, store, _NEW_STREAM, seconds)


def _read_stream(cluster: Cluster, store: Store, seconds: int) -> float:
    return _median_ms(cluster, store, _ONE_MONTH, seconds)


def _read_streams(clients: int) -> Callable[[Cluster, Store, int], float]:
    return lambda cluster, store, seconds: _run(cluster, store, _ONE_MONTH, seconds, clients).rate


def _read_spread(cluster: Cluster, store: Store, seconds: int) -> float:
    return _median_ms(cluster, store, _SPREAD, seconds)


def _read_head(cluster: Cluster, store: Store, seconds: int) -> float:
    cursor = cluster.value(store.database, "select esdb.high_water_mark()") - PAGE
    return _median_ms(cluster, store, f"select * from esdb.read_all({cursor}, {PAGE});", seconds)


def _read_start(cluster: Cluster, store: Store, seconds: int) -> float:
    return _median_ms(cluster, store, f"select * from esdb.read_all(0, {PAGE});", seconds)


def _get_event(cluster: Cluster, store: Store, seconds: int, months: int) -> float:
    """Ask for events of a number of months, evenly spread over the store."""
    with cluster.connection(store.database) as connection:
        rows = connection.execute(
            "select e.id from generate_series(1, %s) as n cross join lateral esdb.read_stream("
            "'month-b-' || (1 + n %% %s * %s)::text || '-1', n %% 100 + 1, max_count => 1) as e",
            (_IDS, months, store.months // months),
        ).fetchall()
    return _median_ms(cluster, store, [f"select * from esdb.get_event('{id_}');" for (id_,) in rows], seconds)


def _get_event_of_some_months(cluster: Cluster, store: Store, seconds: int) -> float:
    return _get_event(cluster, store, seconds, SMALL.months)


def _get_event_of_any_month(cluster: Cluster, store: Store, seconds: int) -> float:
    return _get_event(cluster, store, seconds, store.months)


def _first_append(cluster: Cluster, store: Store, seconds: int) -> float:
    """Give the median time of the first statement of ten new connections a second."""
    samples = []
    for number in range(10 * seconds):
        with psycopg.connect(cluster.url(store.database), autocommit=True) as connection:
            started = time.perf_counter()
            connection.execute(
                "select esdb.append_event("
                "aggregate_id => 'first-' || gen_random_uuid()::text, event_type => 'OrderPlaced',"
                " payload => %s, bounded_context => %s, group_context => 'm')",
                (events.PAYLOAD, CONTEXTS[number % len(CONTEXTS)]),
            )
            samples.append((time.perf_counter() - started) * 1000)
    return statistics.median(samples)


MEASURES: Final = (
    Measure("append", "append_event, a new stream, p50", "ms", _append),
    Measure("read_stream", "read_stream, 100 events of one month, p50", "ms", _read_stream),
    Measure("read_stream_1", "the same, 1 client", "reads/s", _read_streams(1)),
    Measure("read_stream_8", "the same, 8 clients", "reads/s", _read_streams(8)),
    Measure("spread", f"read_stream, {LARGE.months // SPREAD_EVERY} events in as many of 120 months, p50", "ms",
            _read_spread, (LARGE,)),
    Measure("head", "read_all, 1,000 events at the head, p50", "ms", _read_head),
    Measure("start", "read_all, 1,000 events from position 0, p50", "ms", _read_start),
    Measure("get_event", "get_event by a ULID, of 12 months, p50", "ms", _get_event_of_some_months),
    Measure("get_event_any", "get_event by a ULID, of all months, p50", "ms", _get_event_of_any_month),
    Measure("first_append", "a new connection's first append, median", "ms", _first_append),
)  # fmt: skip


def judge(measures: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """Give every goal with the figure that was measured."""
    medians = {(m["key"], int(months)): float(s["median"]) for m in measures for months, s in m["months"].items()}

    def ratio(key: str) -> float:
        return medians[key, LARGE.months] / medians[key, SMALL.months]

    def large(key: str) -> float:
        return medians[key, LARGE.months]

    leaves = f"{LARGE.leaves:,} leaves to {SMALL.leaves}"
    return [
        Goal(f"append_event, p50, {leaves}", 1.15, ratio("append"), at_most=True),
        Goal(f"read_stream of one month, p50, {leaves}", 1.3, ratio("read_stream"), at_most=True),
        Goal("read_stream of one month, 8 clients to 1", 4, large("read_stream_8") / large("read_stream_1")),
        Goal("read_stream of 40 events over 40 of 120 months, ms", 3, large("spread"), at_most=True),
        Goal(f"read_all at the head, p50, {leaves}", 1.3, ratio("head"), at_most=True),
        Goal(f"read_all from position 0, p50, {leaves}", 1.3, ratio("start"), at_most=True),
        Goal(f"get_event by a ULID, p50, {leaves}", 1.3, ratio("get_event"), at_most=True),
        Goal("a new connection's first append, ms", 20, large("first_append"), at_most=True),
    ]


def markdown(results: Mapping[str, Any]) -> str:
    """Give the results as a page of Markdown."""
    stores = [["months", "leaves with events", "leaves", "sealed", "events"]]
    stores += [[f"{value:,}" for value in store.values()] for store in results["stores"]]
    figures = [["what", "unit", *(f"{store.leaves:,} leaves" for store in STORES)]]
    for measure in results["measures"]:
        cells = [spread(measure["months"].get(str(store.months)), 3) for store in STORES]
        figures.append([measure["title"], measure["unit"], *cells])
    conditions = (
        f"{machine_of(results['machine'])} pgbench -M prepared over a Unix socket, on the same"
        f" cores. {results['repeats']} samples of {results['seconds']} s, {results['minutes']} minutes in all."
    )
    return "\n\n".join([
        "# Partitions",
        conditions,
        "## Goals",
        goals_table(judge(results["measures"])),
        "## Figures",
        "Medians of the samples, lowest to highest.",
        markdown_table(figures),
        "## Stores",
        markdown_table(stores),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
