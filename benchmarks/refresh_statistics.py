"""`make bench-statistics`: what a refresh of the statistics takes in a store with a long history, and in one without.

Both stores have the same number of events that are not sealed. The old one has many more in months that are sealed.
The two take turns; before each refresh each gets a few events, so that there is something to bring up to date. QUICK=1
in the environment takes a tenth of the history and few samples, which shows that all works.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks import machine, partitions_store
from benchmarks.cluster import Cluster
from benchmarks.goals import Goal
from benchmarks.partitions_store import CONTEXTS, Store
from benchmarks.report import goals_table, machine_of, markdown_table, publish, say
from benchmarks.run import RESULTS, is_quick

YOUNG: Final = Store("statistics_young", 1)
OLD: Final = Store("statistics_old", 12)
STORES: Final = (YOUNG, OLD)
TYPES: Final = 20
_AT_ONCE: Final = 250_000
"""Events of one statement; so many take a few seconds."""
_MOST: Final = 3.0
"""How many times the young store's time the old one's may be."""

# not appended but put in: no reader of streams is asked here
_FILL: Final = """
insert into esdb.events (
    position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
    event_type, version, timestamp, payload
)
select
    p.position, 'e' || p.position, %(context)s, (array['m', 'c', 's'])[1 + n %% 3], 'c', 'create', 'order',
    's' || p.position, 'Type' || n %% %(types)s, 1, %(from)s + n * (%(to)s::timestamptz - %(from)s) / %(count)s,
    '{"total": 8890}'
from generate_series(0, %(count)s - 1) as n
cross join lateral (select nextval('esdb.event_position') + n * 0) as p (position)
"""
_APPEND: Final = (
    "select esdb.append_event('new-' || gen_random_uuid(), 'Type0', '{}', 0, c, 'm')"
    " from unnest(%(contexts)s::text[]) as c"
)
_FIGURES: Final[Mapping[str, str]] = {
    "refresh": "select esdb.refresh_event_statistics()",
    "event_count": "select esdb.event_count()",
    "append_rate": "select * from esdb.append_rate where period = 'minute'",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the stores, measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refresh_statistics", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--repeats", type=int, default=3 if is_quick() else 15, help="samples of each number")
    parser.add_argument(
        "--sealed", type=int, default=2_000_000 if is_quick() else 20_000_000, help="events of the old store's history"
    )
    parser.add_argument("--live", type=int, default=100_000, help="events of each store that are not sealed")
    options = parser.parse_args(arguments)
    with Cluster() as cluster:
        results: dict[str, Any] = {"machine": machine.facts(cluster), "repeats": options.repeats}
        results["stores"] = [
            _build(cluster, YOUNG, 0, options.live),
            _build(cluster, OLD, options.sealed, options.live),
        ]
        results["figures"] = _measure(cluster, options.repeats)
        _check(cluster)
    publish(results, markdown(results), options.output, "statistics")
    return 0


def _build(cluster: Cluster, store: Store, sealed: int, live: int) -> dict[str, Any]:
    partitions_store.begin(cluster, store)
    with ThreadPoolExecutor(4) as pool:
        past = [(context, month) for month in range(1, store.months) for context in CONTEXTS]
        filled = [
            pool.submit(_fill, cluster, store, context, sealed // len(past), store.month(month), store.month(month + 1))
            for context, month in past
        ]
        now = datetime.now(UTC)
        begin = max(store.month(store.months), now - timedelta(days=1))
        filled += [
            pool.submit(_fill, cluster, store, context, live // len(CONTEXTS), begin, now) for context in CONTEXTS
        ]
        for each in filled:
            each.result()
    # last month, too, whatever day it is
    cluster.execute(store.database, "select esdb.set_setting('seal_after', '0')")
    partitions_store.finish(cluster, store)
    facts = {
        "months": store.months,
        "partitions": cluster.value(store.database, "select count(*) from esdb.partitions"),
        "sealed": int(cluster.value(store.database, "select coalesce(sum(event_count), 0) from esdb.seals")),
        "all": cluster.value(store.database, "select esdb.event_count()"),
    }
    say(f"built {facts}")
    return facts


def _fill(cluster: Cluster, store: Store, context: str, count: int, begin: datetime, end: datetime) -> None:
    step = (end - begin) / max(count, 1)
    for first in range(0, count, _AT_ONCE):
        part = min(_AT_ONCE, count - first)
        given = {"from": begin + step * first, "to": begin + step * (first + part), "count": part}
        cluster.execute(store.database, _FILL, {**given, "context": context, "types": TYPES})


def _measure(cluster: Cluster, repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    samples: dict[tuple[str, Store], list[float]] = {(f, s): [] for f in _FIGURES for s in STORES}
    for repeat in range(repeats + 1):
        for store in STORES[:: 1 if repeat % 2 else -1]:
            cluster.execute(store.database, _APPEND, {"contexts": list(CONTEXTS)})
            for figure, statement in _FIGURES.items():
                taken = _milliseconds(cluster, store, statement)
                if repeat:  # the first one is into the caches
                    samples[figure, store].append(taken)
                    say(f"{figure:12} {store.database:18} {taken:9.1f} ms")
    picks: Mapping[str, Callable[[list[float]], float]] = {"median": statistics.median, "min": min, "max": max}
    return {
        figure: {
            store.database: {name: round(pick(samples[figure, store]), 2) for name, pick in picks.items()}
            for store in STORES
        }
        for figure in _FIGURES
    }


def _milliseconds(cluster: Cluster, store: Store, statement: str) -> float:
    with cluster.connection(store.database) as connection:
        started = time.perf_counter()
        connection.execute(statement).fetchall()
        return (time.perf_counter() - started) * 1000


def _check(cluster: Cluster) -> None:
    """A refresh that counts wrong would be no figure."""
    for store in STORES:
        counted = cluster.value(store.database, "select sum(event_count) from esdb.event_statistics")
        if counted != (there := cluster.value(store.database, "select count(*) from esdb.events")):
            raise RuntimeError(f"{store.database}: {counted} events counted, and there are {there}")


def judge(figures: Mapping[str, Any]) -> list[Goal]:
    """Give the goal with the figure that was measured."""
    taken = figures["refresh"]
    ratio = taken[OLD.database]["median"] / taken[YOUNG.database]["median"]
    return [Goal("refresh, with the history to without it", _MOST, ratio, at_most=True)]


def markdown(results: Mapping[str, Any]) -> str:
    """Give the results as a page of Markdown."""
    figures = [["ms", *(f"{store['sealed']:,} sealed" for store in results["stores"])]]
    for figure, stores in results["figures"].items():
        cells = [f"{s['median']:,.1f} ({s['min']:,.1f} to {s['max']:,.1f})" for s in stores.values()]
        figures.append([figure, *cells])
    stores = [["months", "partitions", "sealed", "all events"]]
    stores += [[f"{value:,}" for value in store.values()] for store in results["stores"]]
    conditions = f"{machine_of(results['machine'])} Nine contexts, {TYPES} types of events."
    return "\n\n".join([
        "# Statistics",
        conditions,
        "## Goals",
        goals_table(judge(results["figures"])),
        "## Figures",
        f"Median of {results['repeats']} samples, lowest to highest.",
        markdown_table(figures),
        "## Stores",
        markdown_table(stores),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
