"""`make bench-feed`: what the feed and its subscribers cost, as ratios inside one run.

Each figure is taken under several conditions, which take turns, another one first each time. QUICK=1 in the
environment takes one short sample of each, which shows that all works and little more.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.cluster import Cluster
from benchmarks.feed_figures import FIGURES, FULL, QUICK, Bench
from benchmarks.goals import Goal
from benchmarks.report import goals_table, machine_of, markdown_table, publish, say, spread
from benchmarks.run import RESULTS, is_quick

_LIVE: Final = "8 live consumers"
_UNSAFE: Final = "8 reading the same without a mark"
_SPINNING: Final = "8 polling without a pause"
_EMPTY: Final = "8 calling an empty function without a pause"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the store, measure and report."""
    plan = QUICK if is_quick() else FULL
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_cost", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--repeats", type=int, default=plan.repeats, help="samples of each number")
    parser.add_argument("--figures", nargs="*", choices=[figure.key for figure in FIGURES], help="a part of them")
    options = parser.parse_args(arguments)
    figures = [figure for figure in FIGURES if not options.figures or figure.key in options.figures]
    started = time.monotonic()
    with Cluster() as cluster:
        bench = Bench(cluster, plan)
        bench.build()
        results: dict[str, Any] = {
            "machine": machine.facts(cluster),
            "repeats": options.repeats,
            "leaves": bench.leaves,
        }
        samples: dict[tuple[str, str], list[float]] = {(f.key, c): [] for f in figures for c in f.conditions}
        for figure in figures:
            for repeat in range(options.repeats):
                turn = repeat % len(figure.conditions)
                for condition in figure.conditions[turn:] + figure.conditions[:turn]:
                    samples[figure.key, condition].append(figure.take(bench, condition))
                    say(f"{figure.key:18} {condition:48} {samples[figure.key, condition][-1]:12.3f} {figure.unit}")
    results["figures"] = [
        {
            "key": f.key,
            "title": f.title,
            "unit": f.unit,
            "conditions": {c: _summary(samples[f.key, c]) for c in f.conditions},
        }
        for f in figures
    ]
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    publish(results, markdown(results), options.output, "feed_cost")
    return 0


def _summary(samples: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(samples), 4),
        "min": round(min(samples), 4),
        "max": round(max(samples), 4),
        "samples": [round(sample, 4) for sample in samples],
    }


def judge(figures: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """Give every goal that the run has the figures for."""
    medians = {(f["key"], c): float(s["median"]) for f in figures for c, s in f["conditions"].items()}
    worst = {(f["key"], c): float(s["max"]) for f in figures for c, s in f["conditions"].items()}
    goals = []

    def ratio(
        text: str, wanted: float, ours: tuple[str, str], other: tuple[str, str], *, at_most: bool = False
    ) -> None:
        if ours in medians and other in medians:
            goals.append(Goal(text, wanted, medians[ours] / medians[other], at_most))

    def limit(text: str, wanted: float, of: Mapping[tuple[str, str], float], key: tuple[str, str]) -> None:
        if key in of:
            goals.append(Goal(text, wanted, of[key], at_most=True))

    for key, where in (("appends", ""), ("appends_locked", ", every leaf locked elsewhere")):
        ratio(f"appends of 16 writers beside {_LIVE} to beside {_UNSAFE}{where}", 0.9, (key, _LIVE), (key, _UNSAFE))
        ratio(f"the same to beside no consumer at all{where}", 0.9, (key, _LIVE), (key, "no consumer"))
        ratio(f"the same, {_SPINNING}, to {_EMPTY}{where}", 0.9, (key, _SPINNING), (key, _EMPTY))
    limit("high_water_mark() beside writers, every leaf locked elsewhere, mean ms", 2, medians, ("mark", "mean"))
    empty = ("nothing", "an empty function")
    ratio("read_all that finds nothing to an empty function", 1.5, ("nothing", "read_all"), empty, at_most=True)
    ratio(
        "appends of 32 writers with wake-ups to without", 0.95, ("notify", "as shipped"), ("notify", "without wake-ups")
    )
    limit("commit to waiting consumer, idle store, p99 ms", 50, medians, ("wake", "p99"))
    limit("the same, the notifying writer rolled back, worst ms", 1000, worst, ("wake_late", "rolled back"))
    limit("the same, it lingers: after its commit, worst ms", 1000, worst, ("wake_late", "lingered"))
    for page in (100, 1000):
        of = f"{page} events"
        ratio(f"claim and ack of {of} to read_all of them, 1 partition", 1.5, ("claim", f"both, {of}"),
              ("claim", f"read_all, {of}"), at_most=True)  # fmt: skip
    return goals


def markdown(results: Mapping[str, Any]) -> str:
    """Give the results as a page of Markdown."""
    conditions = (
        f"{machine_of(results['machine'])} {results['leaves']:,} partitions. Writers and consumers are"
        f" pgbench's, on the same cores. {results['repeats']} samples, {results['minutes']} minutes in all."
    )
    parts = ["# The feed's cost", conditions, "## Goals", goals_table(judge(results["figures"]))]
    for figure in results["figures"]:
        table = [["condition", figure["unit"]]]
        table += [[condition, spread(summary, 3)] for condition, summary in figure["conditions"].items()]
        parts += [f"## {figure['title']}", markdown_table(table)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
