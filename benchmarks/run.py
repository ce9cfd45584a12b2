"""`make bench`: measures esdb beside its peers and writes a table, a chart and the numbers.

All targets live on one server, each in databases of its own; every sample starts from the same data after a
checkpoint, and the targets take turns, another one first each time. QUICK=1 in the environment measures with 16
clients and a second a sample, which shows whether all works and little more.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import machine, measure, report
from benchmarks.cluster import Cluster
from benchmarks.feed import measure_feed
from benchmarks.sizes import STREAM_LENGTHS, measure_sizes
from benchmarks.targets import TARGETS
from benchmarks.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from benchmarks.targets.base import Target

RESULTS: Final = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    name: str
    clients: tuple[int, ...]
    repeats: int
    seconds: int
    snapshot_seconds: int
    feed_seconds: int


FULL: Final = Plan("full", clients=(1, 4, 16, 32), repeats=5, seconds=5, snapshot_seconds=60, feed_seconds=8)
QUICK: Final = Plan("quick", clients=(16,), repeats=1, seconds=1, snapshot_seconds=2, feed_seconds=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report."""
    options = _parser().parse_args(arguments)
    plan = QUICK if is_quick() else FULL
    chosen = {key: getattr(options, key) for key in ("clients", "repeats", "seconds", "snapshot_seconds")}
    plan = replace(plan, **{key: value for key, value in chosen.items() if value})
    targets = _chosen(options.targets)
    workloads = [w for w in WORKLOADS if not options.workloads or w.key in options.workloads]
    started = time.monotonic()
    with Cluster() as cluster:
        results: dict[str, Any] = {
            "plan": plan.name,
            "repeats": plan.repeats,
            "seconds": plan.seconds,
            "snapshot_seconds": plan.snapshot_seconds,
            "machine": machine.facts(cluster),
        }
        _prepare(cluster, targets)
        results["workloads"] = [w for workload in workloads for w in _workload(cluster, plan, workload, targets)]
        results["feed"] = _feeds(cluster, plan, targets) if not options.workloads else []
        results["sizes"] = _sizes(cluster, targets) if not options.workloads else []
    results["targets"] = [
        {"name": t.name, "note": t.note, "safe": t.safe, "jsonb": t.jsonb, "peer": t.peer} for t in targets
    ]
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    report.write(results, options.output, plan.name)
    return 0


def is_quick() -> bool:
    """Whether QUICK asks for a short run."""
    return os.environ.get("QUICK", "0") not in {"", "0"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    targets, workloads = [kind.name for kind in TARGETS], [workload.key for workload in WORKLOADS]
    parser.add_argument("--targets", nargs="+", choices=targets, help="only these targets, and esdb")
    parser.add_argument("--workloads", nargs="+", choices=workloads, help="only these, without feed and sizes")
    parser.add_argument("--clients", type=int, nargs="+", help="numbers of clients")
    parser.add_argument("--repeats", type=int, help="samples of each number")
    parser.add_argument("--seconds", type=int, help="how long a sample takes")
    parser.add_argument("--snapshot-seconds", type=int, help="the age of the old snapshot of W4b")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    return parser


def _chosen(names: list[str] | None) -> list[Target]:
    """Make the targets; esdb is always among them, since others start from its data and the goals need it."""
    return [kind() for kind in TARGETS if not names or kind.name in {"esdb", *names}]


def _prepare(cluster: Cluster, targets: list[Target]) -> None:
    """Install and fill the targets: those of one module one after the other, since they share what they install."""
    families = [list(family) for _, family in itertools.groupby(targets, lambda target: type(target).__module__)]
    with ThreadPoolExecutor() as pool:
        for work in [pool.submit(_prepare_family, cluster, family) for family in families]:
            work.result()


def _prepare_family(cluster: Cluster, family: list[Target]) -> None:
    for target in family:
        target.prepare(cluster)
        report.say(f"prepared {target.name}")


def _workload(cluster: Cluster, plan: Plan, workload: Workload, targets: list[Target]) -> list[dict[str, Any]]:
    """Measure a workload with every target and number of clients, turn by turn."""
    able = [target for target in targets if workload.script in target.scripts]
    wanted = workload.clients or plan.clients
    series = [measure.Series(workload, target, clients) for clients in wanted for target in able]
    for repeat in range(plan.repeats):
        for clients in wanted:
            for target in measure.rotated(able, repeat):
                one = next(s for s in series if s.target is target and s.clients == clients)
                measure.measure(cluster, one, seconds=plan.seconds, snapshot_seconds=plan.snapshot_seconds)
                report.say(f"{workload.key} {clients:2} clients {target.name:24} {one.rates[-1]:10,.0f} events/s")
    return [one.as_dict() for one in series]


def _feeds(cluster: Cluster, plan: Plan, targets: list[Target]) -> list[dict[str, Any]]:
    results = []
    for target in targets:
        if target.feed is not None:
            results.append(measure_feed(cluster, target, seconds=plan.feed_seconds))
            report.say(f"feed safety {results[-1]}")
    return results


def _sizes(cluster: Cluster, targets: list[Target]) -> list[dict[str, Any]]:
    wanted = [target for target in targets if target.data_of is None and target.name != "esdb-unannounced"]
    return [measure_sizes(cluster, target, length) for length in STREAM_LENGTHS for target in wanted]


if __name__ == "__main__":
    raise SystemExit(main())
