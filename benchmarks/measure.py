"""Measures one workload on one target."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from benchmarks import events, pgbench

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.targets.base import Target
    from benchmarks.workloads import Workload

T = TypeVar("T")
_VARIABLES: Final = events.variables()


@dataclass
class Series:
    """The repeats of one workload on one target with a number of clients."""

    workload: Workload
    target: Target
    clients: int
    rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)
    percentiles_ms: list[Mapping[int, float]] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Events a second."""
        return statistics.median(self.rates)

    def as_dict(self) -> dict[str, Any]:
        """Give what the results file holds."""
        return {
            "workload": self.workload.key,
            "target": self.target.name,
            "clients": self.clients,
            "events_per_second": {
                "median": round(self.median),
                "min": round(min(self.rates)),
                "max": round(max(self.rates)),
                "samples": [round(rate) for rate in self.rates],
            },
            "latency_ms": round(statistics.median(self.latencies_ms), 4),
            "wal_bytes_per_event": round(statistics.median(self.wal_bytes)) if self.wal_bytes else None,
            "percentiles_ms": {
                f"p{p}": round(statistics.median(sample[p] for sample in self.percentiles_ms), 4)
                for p in pgbench.PERCENTILES
            }
            if self.percentiles_ms
            else None,
        }


def measure(cluster: Cluster, series: Series, *, seconds: int, snapshot_seconds: int) -> None:
    """Add one sample to a series: from the same data each time, after a checkpoint.

    seconds: how long to measure. snapshot_seconds: the age of the old snapshot where the workload has one; the
    workload runs meanwhile, because what hurts are the row versions left since.
    """
    if series.workload.events_read:
        _measure_reads(cluster, series, seconds)
        return
    database = f"{series.target.name}_run"
    template = series.target.store(series.workload.store)
    cluster.create(database, template)
    if series.workload.half_load:
        saturated = _run(cluster, database, series, seconds)
        cluster.create(database, template)
        _measure_latency(cluster, database, series, seconds, saturated.rate / 2)
        cluster.drop(database)
        return
    slow = (
        cluster.slow_flush(series.workload.flush_microseconds) if series.workload.flush_microseconds else nullcontext()
    )
    old = _old_snapshot(cluster, database) if series.workload.old_snapshot else nullcontext()
    with slow, old:
        if series.workload.old_snapshot:
            _run(cluster, database, series, snapshot_seconds)
        _measure_writes(cluster, database, series, seconds)
    cluster.drop(database)


def _measure_reads(cluster: Cluster, series: Series, seconds: int) -> None:
    database = series.target.store(series.workload.store)
    _run(cluster, database, series, 1)  # into the caches
    cluster.checkpoint()
    run = _run(cluster, database, series, seconds)
    series.rates.append(run.rate * series.workload.events_read)
    series.latencies_ms.append(run.latency_ms)


def _measure_writes(cluster: Cluster, database: str, series: Series, seconds: int) -> None:
    """Count what was written, not what was tried: some targets answer a conflict with a row instead of an error."""
    before = int(cluster.value(database, series.target.count))
    cluster.checkpoint()
    wal = cluster.wal_position()
    run = _run(cluster, database, series, seconds)
    wal = cluster.wal_position() - wal
    written = int(cluster.value(database, series.target.count)) - before
    if not written:
        raise pgbench.PgbenchError(f"{series.target.name} wrote nothing in {series.workload.key}")
    series.rates.append(written / run.seconds)
    series.latencies_ms.append(run.latency_ms)
    series.wal_bytes.append(wal / written)


def _measure_latency(cluster: Cluster, database: str, series: Series, seconds: int, rate: float) -> None:
    cluster.checkpoint()
    run = _run(cluster, database, series, seconds, rate)
    series.rates.append(run.rate)
    series.latencies_ms.append(run.latency_ms)
    series.percentiles_ms.append(run.percentiles_ms)


def _run(cluster: Cluster, database: str, series: Series, seconds: int, rate: float | None = None) -> pgbench.Run:
    script = series.target.scripts[series.workload.script]
    return pgbench.run(
        cluster, database, script, clients=series.clients, seconds=seconds, variables=_VARIABLES, rate=rate
    )


@contextmanager
def _old_snapshot(cluster: Cluster, database: str) -> Iterator[None]:
    """Hold a snapshot in another session, as a long report or dump does."""
    with cluster.connection(database) as connection:
        connection.execute("begin isolation level repeatable read")
        connection.execute("select txid_current_snapshot()")
        yield
        connection.execute("rollback")


def rotated(ones: Sequence[T], turn: int) -> list[T]:
    """Give targets or stores beginning with another one each turn, so that none always runs first."""
    start = turn % len(ones)
    return [*ones[start:], *ones[:start]]
