"""Stores that have a sample of every metric, and what is read of the metrics that they tell."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import psycopg
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from esdb_cli.server import LocalServer
from tests import tools
from tests.databases import COMMAND_TIMEOUT, environment, esdb_program, run_esdb
from tests.feed_support import append, append_many, until, value
from tests.fixtures import NewServer
from tests.tools import ROOT

Labels = frozenset[tuple[str, str]]
Samples = dict[str, dict[Labels, float]]


def samples_of(text: str) -> Samples:
    """Give the samples of a text of OpenMetrics, by name and labels; a family without samples is there, and empty."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.setdefault(f"{name}_info" if family.type == "info" else name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def told(url: str, **options: Any) -> Samples:
    """Give the samples that the command prints."""
    result = run_esdb("metrics", url=url, **options)
    assert result.returncode == 0, result.stderr
    return samples_of(result.stdout)


def only(samples: Iterable[float]) -> float:
    """Give the one sample that there is."""
    (found,) = samples
    return found


def store_with_everything(new_server: NewServer) -> LocalServer:
    """Start a server whose store has a sample of each metric: seals, a refresh, parked events, statistics of calls."""
    server = new_server(durable=False, settings={"shared_preload_libraries": "pg_stat_statements"})
    assert run_esdb("migrate", url=server.url()).returncode == 0
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create schema extensions; create extension pg_stat_statements schema extensions")
        connection.execute("select esdb.set_setting('seal_after', '0')")
        for number in range(5):
            append(connection, f"s-{number}", idempotency_key="key")
        append_many(connection, "s-0", 3)
        connection.execute("select * from esdb.load_aggregate('s-0')")
        connection.execute("select esdb.save_snapshot('s-0', 4, %s)", (Jsonb({}),))
        connection.execute("select esdb.create_subscription('mails', max_attempts => 1)")
        token = value(connection, "select min(token) from esdb.claim_events('mails', 'w', 1)")
        connection.execute("select esdb.nack('mails', %s, 1, 'no route')", (token,))
    assert run_esdb("maintain", url=server.url()).returncode == 0
    return server


class Exporter:
    """`esdb metrics --serve` as a process, for a with block.

    lines: what it said before it served. address: where it serves.
    """

    def __init__(self, url: str, *options: str, listen: str = "127.0.0.1:0") -> None:
        self.lines: list[str] = []
        self.address = ""
        self.process = subprocess.Popen(
            [esdb_program(), "metrics", "--serve", listen, *options],
            env=environment(url), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Wait until it serves."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("serving "):
                self.address = line.removeprefix("serving ").strip()
                return self
            self.lines.append(line)
        raise AssertionError(f"it does not serve: {self.lines}")

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()

    def scrape(self) -> Samples:
        """Scrape it as Prometheus does."""
        wanted = {"Accept": "application/openmetrics-text;version=1.0.0"}
        request = urllib.request.Request(self.address, headers=wanted)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=COMMAND_TIMEOUT) as response:  # noqa: S310
            assert response.headers["Content-Type"].startswith("application/openmetrics-text")
            return samples_of(response.read().decode())


class Prometheus:
    """A Prometheus of the test's own that collects from one address each second, with our rules, for a with block."""

    def __init__(self, address: str, folder: Path) -> None:
        self._folder = folder
        host = address.removeprefix("http://").removesuffix("/metrics")
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "templates" / "prometheus_rules.yml")],
            "scrape_configs": [{"job_name": "esdb", "static_configs": [{"targets": [host]}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Start it."""
        self._log = (self._folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(
            [
                tools.prometheus_program("prometheus"), f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}", f"--web.listen-address={self._address}",
            ],
            stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def wait_for_scrapes(self, count: int) -> None:
        """Wait until it has collected so often, and judged the rules."""
        until(lambda: self._has_scraped(count), "scrapes")
        until(lambda: all(rule["lastEvaluation"] > "0002" for rule in self.rules()), "rules to be judged")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Give what an expression is now."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Give the rules with their health and state."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _has_scraped(self, count: int) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            found = self.query("count_over_time(esdb_up[5m])")
        except urllib.error.URLError:
            return False
        return bool(found) and float(found[0]["value"][1]) >= count

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        url = f"http://{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=COMMAND_TIMEOUT) as response:
            found: dict[str, Any] = json.load(response)["data"]
        return found
