"""Turns the rows of esdb.metrics into families of metrics as prometheus-client takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from esdb_cli.db import rows
from esdb_cli.deadline import connected_within
from esdb_cli.errors import EXIT_USAGE, CliError, from_database
from esdb_cli.health import is_migrated
from esdb_cli.output import printable
from esdb_cli.resources import package_version

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from esdb_cli.db import Row


class StoreCollector(Collector):
    """Asks the store anew for each scrape, on a connection of its own; scrapes at once take turns.

    report: gets a line when a scrape fails that did not before, or for another reason.
    error: why the last scrape told esdb_up 0.
    """

    def __init__(
        self, database_url: str | None, timeout: float, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self.error: CliError | None = None
        self._database_url = database_url
        self._timeout = timeout
        self._report = report
        self._turn = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return the families of metrics, those without a sample too."""
        with self._turn:
            begun = time.monotonic()
            families = self._ask()
            seconds = time.monotonic() - begun
        return [
            GaugeMetricFamily("esdb_up", "1 when the store told its metrics, else 0.", int(self.error is None)),
            GaugeMetricFamily("esdb_scrape_seconds", "How long it took to ask the store.", seconds),
            *families,
        ]

    def _ask(self) -> list[Metric]:
        before, self.error = self.error, None
        try:
            with connected_within(self._timeout, self._database_url) as (connection, _):
                # the store may be older than this package and not know the view
                is_current = is_migrated(connection)
                samples = rows(connection, "select * from esdb.metrics")
                server = connection.info.parameter_status("server_version")
        except (CliError, psycopg.Error) as raised:
            error = from_database(raised) if isinstance(raised, psycopg.Error) else raised
            if error.exit_code == EXIT_USAGE:
                raise error from None
            self.error = error
            if before is None or (before.message, before.detail) != (error.message, error.detail):
                self._report(": ".join(printable(part) for part in (error.message, error.detail) if part))
            return []
        about = {"package_version": package_version(), "server_version": server or ""}
        return [
            InfoMetricFamily("esdb", "Versions.", about),
            GaugeMetricFamily(
                "esdb_schema_current", "1 when the store is migrated to the version of esdb that asks.", int(is_current)
            ),
            *(_family(list(group)) for _, group in groupby(samples, lambda row: row["metric"])),
        ]


def _family(samples: list[Row]) -> Metric:
    """Return a family; all its samples have the same labels."""
    first = samples[0]
    names = sorted(first["labels"] or ())
    kind: Any = CounterMetricFamily if first["kind"] == "counter" else GaugeMetricFamily
    family: Metric = kind(first["metric"], first["meaning"], labels=names)
    for sample in samples:
        if sample["value"] is not None:
            labels = [sample["labels"][name] for name in names]
            family.add_metric(labels, sample["value"])  # type: ignore[attr-defined]
    return family
