"""`make bench-growth`: appends and reads of streams in a store that has grown, and in one of many partitions.

Three stores on one server: one is new, one has ten million events in its live month, one has 1,080 partitions. Each has
streams of 100 events to read: the grown one reads from all of its own. The stores take turns, another one first
each time. QUICK=1 in the environment takes a fiftieth of the events and one short sample of each number.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import events, machine, pgbench
from benchmarks.cluster import Cluster
from benchmarks.goals import Goal
from benchmarks.measure import rotated
from benchmarks.report import goals_table, machine_of, markdown_table, publish, say, spread
from benchmarks.run import RESULTS, is_quick
from benchmarks.targets.esdb import Esdb

_LEAST: Final = 0.9
"""How much of the new store's rate the others have to reach."""
_AT_ONCE: Final = 200
"""Streams of one statement."""
_FILL: Final = """
select count(*)
from generate_series(%(first)s::int, %(last)s) as n
cross join lateral esdb.append_events(
    aggregate_id => 'order-' || n, events => %(events100)s::jsonb, expected_version => 0,
    bounded_context => 'b', group_context => 'm', aggregate_type => 'Order')
"""
_APPEND: Final = """select esdb.append_event(
    aggregate_id => 'order-' || gen_random_uuid()::text, event_type => 'OrderPlaced', payload => :payload,
    expected_version => 0, bounded_context => 'b', group_context => 'm', aggregate_type => 'Order',
    metadata => :metadata);
"""
_READ: Final = r"""\set stream random(1, :streams)
select * from esdb.read_stream('order-' || :stream::text);
"""
_SCRIPTS: Final[Mapping[str, tuple[str, int]]] = {
    "W1, append 1 event, new stream": (_APPEND, 1),
    "W5, read a stream of 100": (_READ, 100),
}


@dataclass(frozen=True)
class Store:
    """A store: how many streams of 100 events it has, and how many months of partitions ahead."""

    database: str
    title: str
    streams: int
    months_ahead: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the stores, measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--repeats", type=int, default=1 if is_quick() else 5, help="samples of each number")
    parser.add_argument("--seconds", type=int, default=1 if is_quick() else 3, help="how long a sample takes")
    parser.add_argument("--clients", type=int, nargs="+", default=[16] if is_quick() else [1, 16])
    parser.add_argument("--streams", type=int, default=2_000 if is_quick() else 100_000, help="of the grown store")
    options = parser.parse_args(arguments)
    stores = (
        Store("growth_new", "new", 1_000, 3),
        Store("growth_grown", f"{options.streams * 100:,} events", options.streams, 3),
        Store("growth_leaves", "1,080 partitions", 1_000, 119),
    )
    started = time.monotonic()
    with Cluster() as cluster:
        results: dict[str, Any] = {
            "machine": machine.facts(cluster),
            "repeats": options.repeats,
            "seconds": options.seconds,
            "stores": [_build(cluster, store) for store in stores],
        }
        results["figures"] = _measure(cluster, stores, options)
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    publish(results, markdown(results), options.output, "growth")
    return 0


def _build(cluster: Cluster, store: Store) -> dict[str, Any]:
    cluster.create(store.database)
    Esdb().install(cluster, store.database)
    cluster.execute(store.database, f"select esdb.set_setting('partitions_ahead', '{store.months_ahead}')")
    Esdb().install(cluster, store.database)
    with ThreadPoolExecutor(4) as pool:
        for work in [pool.submit(_fill, cluster, store, first) for first in range(1, store.streams + 1, _AT_ONCE)]:
            work.result()
    cluster.execute(store.database, "vacuum analyze")
    cluster.checkpoint()
    facts = {
        "title": store.title,
        "events": cluster.value(store.database, "select count(*) from esdb.events"),
        "partitions": cluster.value(store.database, "select count(*) from esdb.partitions"),
        "gigabytes": round(int(cluster.value(store.database, "select pg_database_size(current_database())")) / 1e9, 2),
    }
    say(f"built {facts}")
    return facts


def _fill(cluster: Cluster, store: Store, first: int) -> None:
    last = min(first + _AT_ONCE - 1, store.streams)
    cluster.execute(store.database, _FILL, {**events.variables(), "first": first, "last": last})


def _measure(cluster: Cluster, stores: tuple[Store, ...], options: argparse.Namespace) -> list[dict[str, Any]]:
    samples: dict[tuple[str, int, str], list[float]] = {}
    for repeat in range(options.repeats + 1):
        for title, (script, count) in _SCRIPTS.items():
            for clients in options.clients:
                for store in rotated(stores, repeat):
                    run = pgbench.run(
                        cluster, store.database, script, clients=clients, seconds=options.seconds,
                        variables={**events.variables(), "streams": str(store.streams)},
                    )  # fmt: skip
                    if repeat:  # the first one is into the caches
                        samples.setdefault((title, clients, store.title), []).append(run.rate * count)
                        say(f"{title:32} {clients:2} clients {store.title:20} {run.rate * count:10,.0f}")
                    cluster.checkpoint()
    return [
        {
            "title": title,
            "clients": clients,
            "store": store,
            "median": round(statistics.median(taken)),
            "min": round(min(taken)),
            "max": round(max(taken)),
        }
        for (title, clients, store), taken in samples.items()
    ]


def judge(figures: Sequence[Mapping[str, Any]], stores: Sequence[str]) -> list[Goal]:
    """Give every goal with the figure that was measured."""
    medians = {(f["title"], f["clients"], f["store"]): float(f["median"]) for f in figures}
    new, *others = stores
    return [
        Goal(f"{title}, {clients} clients, {store}, against a new store", _LEAST, rate / medians[title, clients, new])
        for (title, clients, store), rate in medians.items()
        if store in others
    ]


def markdown(results: Mapping[str, Any]) -> str:
    """Give the results as a page of Markdown."""
    titles = [store["title"] for store in results["stores"]]
    stores = [["store", "events", "partitions", "gigabytes"]]
    stores += [[s["title"], f"{s['events']:,}", f"{s['partitions']:,}", f"{s['gigabytes']}"] for s in results["stores"]]
    figures = [["events a second", "clients", *titles]]
    by_place = {(f["title"], f["clients"], f["store"]): f for f in results["figures"]}
    for title, clients in dict.fromkeys((f["title"], f["clients"]) for f in results["figures"]):
        cells = [spread(by_place[title, clients, store], 0) for store in titles]
        figures.append([title, str(clients), *cells])
    conditions = (
        f"{machine_of(results['machine'])} pgbench -M prepared over a Unix socket, on the same cores."
        f" {results['repeats']} samples of {results['seconds']} s, {results['minutes']} minutes in all."
    )
    return "\n\n".join([
        "# Growth",
        conditions,
        "## Goals",
        goals_table(judge(results["figures"], titles)),
        "## Figures",
        "Medians of the samples, lowest to highest.",
        markdown_table(figures),
        "## Stores",
        markdown_table(stores),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
