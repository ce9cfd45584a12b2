"""Which of its goals esdb reaches, as ratios inside one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A number that is wanted, at least or at most, and the one that was measured."""

    text: str
    wanted: float
    measured: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the number is on the right side of what is wanted."""
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


class _Rates:
    """The medians of a run, by workload, clients and target."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self._targets = {target["name"]: target for target in results["targets"]}
        self._medians = {
            (row["workload"], row["clients"], row["target"]): float(row["events_per_second"]["median"])
            for row in results["workloads"]
        }

    def clients(self, workload: str) -> list[int]:
        return sorted({clients for key, clients, _ in self._medians if key == workload})

    def of(self, workload: str, clients: int, target: str) -> float | None:
        return self._medians.get((workload, clients, target))

    def best(self, workload: str, clients: int, wanted: Callable[[Mapping[str, Any]], bool]) -> float | None:
        """Give the highest rate among the peers that are wanted."""
        rates = [
            rate
            for (key, count, name), rate in self._medians.items()
            if key == workload and count == clients and self._targets[name]["peer"] and wanted(self._targets[name])
        ]
        return max(rates, default=None)


@dataclass(frozen=True)
class _Wanted:
    """A goal for every number of clients that a workload was measured with, or for some of them."""

    text: str
    ratio: float
    workloads: tuple[str, ...]
    against: Callable[[_Rates, str, int], float | None]
    clients: Callable[[int], bool] = lambda _: True


def _target(name: str) -> Callable[[_Rates, str, int], float | None]:
    return lambda rates, workload, clients: rates.of(workload, clients, name)


def _peers(wanted: Callable[[Mapping[str, Any]], bool]) -> Callable[[_Rates, str, int], float | None]:
    return lambda rates, workload, clients: rates.best(workload, clients, wanted)


_SINGLE = ("W1", "W2")
_BATCHES = ("W3-10", "W3-100")
_READS = ("W5", "W6")
_GOALS = (
    _Wanted("best safe peer", 1.3, _SINGLE, _peers(lambda t: t["safe"]), lambda count: count >= 16),
    _Wanted("fastest peer", 1.1, _SINGLE, _peers(lambda _: True), lambda count: count >= 16),
    _Wanted("fastest peer", 1.0, _SINGLE, _peers(lambda _: True), lambda count: count < 16),
    _Wanted("raw-same", 0.75, _SINGLE, _target("raw-same")),
    _Wanted("itself without the announcement", 0.95, _SINGLE, _target("esdb-unannounced")),
    _Wanted("raw (an aim)", 0.55, _SINGLE, _target("raw")),
    _Wanted("best jsonb peer", 1.1, _BATCHES, _peers(lambda t: t["jsonb"])),
    _Wanted("eventsourcing's functions", 1.0, _BATCHES, _target("eventsourcing-functions")),
    _Wanted("best peer", 1.1, ("W4",), _peers(lambda _: True)),
    _Wanted("its own W4", 0.5, ("W4b",), lambda rates, _, clients: rates.of("W4", clients, "esdb")),
    _Wanted("a plain SELECT", 0.9, _READS, _target("raw-same")),
    _Wanted("best jsonb peer", 1.1, _READS, _peers(lambda t: t["jsonb"])),
)


def judge(results: Mapping[str, Any]) -> list[Goal]:
    """Give every goal that the run has the numbers for."""
    rates = _Rates(results)
    goals = []
    for wanted in _GOALS:
        for workload in wanted.workloads:
            for clients in filter(wanted.clients, rates.clients(workload)):
                ours = rates.of(workload, clients, "esdb")
                against = wanted.against(rates, workload, clients)
                if ours is not None and against is not None:
                    text = f"{workload}, {clients} clients, against {wanted.text}"
                    goals.append(Goal(text, wanted.ratio, ours / against))
    goals += _latency(results["workloads"])
    goals.sort(key=lambda goal: goal.text.split(",")[0])
    return goals + _feed(results["feed"]) + _size(results["sizes"])


def _latency(rows: list[Mapping[str, Any]]) -> list[Goal]:
    return [
        Goal(
            f"{row['workload']}, {row['clients']} clients, p99 against p50",
            3.0,
            row["percentiles_ms"]["p99"] / row["percentiles_ms"]["p50"],
            at_most=True,
        )
        for row in rows
        if row["target"] == "esdb" and row["percentiles_ms"]
    ]


def _feed(rows: list[Mapping[str, Any]]) -> list[Goal]:
    by_target = {row["target"]: row for row in rows}
    goals = []
    if ours := by_target.get("esdb"):
        faults = ours["skipped"] + ours["duplicated"] + ours["inverted"]
        goals.append(Goal("feed, events skipped, duplicated or inverted", 0, faults, at_most=True))
        if without := by_target.get("esdb-unannounced"):
            ratio = ours["per_second"] / without["per_second"]
            goals.append(Goal("feed, lingering writers, against itself without the announcement", 0.95, ratio))
    return goals


def _size(rows: list[Mapping[str, Any]]) -> list[Goal]:
    bytes_of = {(row["target"], row["stream_length"]): row["bytes_per_event"] for row in rows}
    return [
        Goal(f"size, streams of {length}, against raw", 1.2, taken / bytes_of["raw", length], at_most=True)
        for (target, length), taken in bytes_of.items()
        if target == "esdb" and ("raw", length) in bytes_of
    ]
