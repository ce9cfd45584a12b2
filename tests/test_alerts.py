"""Alert rules and dashboard: Prometheus takes them, each metric and label they name exists, each alert fires."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import yaml

from tests import tools
from tests.databases import run_esdb
from tests.fixtures import NewServer
from tests.metrics_support import Exporter, Prometheus, store_with_everything
from tests.tools import ROOT

RULES = ROOT / "templates" / "prometheus_rules.yml"
DASHBOARD = ROOT / "templates" / "grafana_dashboard.json"
TARGET_LABELS = {"instance", "job"}
"""What Prometheus adds to every sample."""
STORE = 'instance="shop"'


class Case(NamedTuple):
    """Samples with which an alert fires, others with which it does not, and when to look."""

    fires: dict[str, str]
    is_quiet: dict[str, str]
    at: str = "2h"


def steady(**values: float) -> dict[str, str]:
    """Give series that keep a value for fifty hours."""
    return {f"{name}{{{STORE}}}": f"{value}x3000" for name, value in values.items()}


def labelled(name: str, labels: str, value: float) -> dict[str, str]:
    """Give one series with labels of its own."""
    return {f"{name}{{{STORE}, {labels}}}": f"{value}x3000"}


def calls(seconds: float) -> dict[str, str]:
    """Give the calls of two roles, ten a minute each, which take so many seconds each."""
    found = {}
    for role in ("app", "job"):
        labels = f'{{{STORE}, function="append_event", query="1", role="{role}"}}'
        found[f"esdb_call_count_total{labels}"] = "0+10x3000"
        found[f"esdb_call_seconds_total{labels}"] = f"0+{10 * seconds}x3000"
    return found


CONTEXT = 'bounded_context="b"'
MAILS = 'subscription="mails"'
CASES = {
    "EsdbDown": Case(steady(esdb_up=0), steady(esdb_up=1)),
    "EsdbUnwatched": Case({}, steady(esdb_up=0)),
    "EsdbSchemaNotCurrent": Case(steady(esdb_schema_current=0), steady(esdb_schema_current=1)),
    "EsdbPartitionsRunOut": Case(
        labelled("esdb_partitions_ahead", CONTEXT, 0) | labelled("esdb_partitions_wanted", CONTEXT, 3),
        labelled("esdb_partitions_ahead", CONTEXT, 0) | labelled("esdb_partitions_wanted", CONTEXT, 0)
        | labelled("esdb_partitions_ahead", 'bounded_context="n"', 1)
        | labelled("esdb_partitions_wanted", 'bounded_context="n"', 3),
    ),
    "EsdbPartitionFault": Case(
        labelled("esdb_partition_faults", CONTEXT, 1), labelled("esdb_partition_faults", CONTEXT, 0)
    ),
    "EsdbOverflowUsed": Case(
        labelled("esdb_overflow_events", CONTEXT, 1), labelled("esdb_overflow_events", CONTEXT, 0)
    ),
    "EsdbFeedStuck": Case(
        steady(esdb_feed_behind_seconds=61, esdb_is_standby=0), steady(esdb_feed_behind_seconds=61, esdb_is_standby=1)
    ),
    "EsdbStandbyBehind": Case(
        steady(esdb_feed_behind_seconds=301, esdb_is_standby=1), steady(esdb_feed_behind_seconds=301, esdb_is_standby=0)
    ),
    "EsdbOpenAppendIsOld": Case(
        steady(esdb_oldest_open_append_seconds=61), steady(esdb_oldest_open_append_seconds=60)
    ),
    "EsdbSubscriptionBehind": Case(
        labelled("esdb_subscription_behind_seconds", MAILS, 301),
        labelled("esdb_subscription_behind_seconds", MAILS, 300),
    ),
    "EsdbSubscriptionFails": Case(
        labelled("esdb_subscription_failing_partitions", MAILS, 1),
        labelled("esdb_subscription_failing_partitions", MAILS, 0),
    ),
    "EsdbEventsParked": Case(
        labelled("esdb_parked_events", f'{MAILS}, state="failed"', 1),
        labelled("esdb_parked_events", f'{MAILS}, state="failed"', 0)
        | labelled("esdb_parked_events", f'{MAILS}, state="waiting"', 1),
    ),
    "EsdbStatisticsOld": Case(
        steady(esdb_last_refresh_timestamp_seconds=3600),
        steady(esdb_last_refresh_timestamp_seconds=36000), "40h",
    ),
    "EsdbStatisticsNeverMade": Case(
        steady(esdb_up=1), steady(esdb_up=1, esdb_last_refresh_timestamp_seconds=36000), "40h"
    ),
    "EsdbSealsLate": Case(
        labelled("esdb_seals_due", CONTEXT, 1), {f"esdb_seals_due{{{STORE}, {CONTEXT}}}": "0x1000 1x2000"}, "25h"
    ),
    "EsdbNewEpoch": Case({f"esdb_epoch{{{STORE}}}": "1x100 2x100"}, steady(esdb_epoch=2), "105m"),
    "EsdbAppendsSlow": Case(calls(0.11), calls(0.09)),
    "EsdbScrapeSlow": Case(steady(esdb_scrape_seconds=4.5), steady(esdb_scrape_seconds=0.5)),
}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def targets() -> Iterator[tuple[str, str, str]]:
    """Give the title of each panel with the expressions of it, and the legends."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]


def as_prometheus_gets_it(expression: str) -> str:
    """Fill in what Grafana does."""
    filled = expression.replace("$__rate_interval", "5m").replace("$instance", ".*")
    assert "$" not in filled
    return filled


def promtool(*arguments: object) -> str:
    """Run promtool and give what it says."""
    program = tools.prometheus_program("promtool")
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_prometheus_takes_the_rules_that_are_printed(tmp_path: Path) -> None:
    printed = run_esdb("metrics", "--rules", url=None)
    assert (printed.returncode, printed.stdout) == (0, RULES.read_text())
    file = tmp_path / "esdb.yml"
    file.write_text(printed.stdout)
    assert f"SUCCESS: {len(CASES)} rules found" in promtool("check", "rules", file)


def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    printed = run_esdb("metrics", "--dashboard", url=None)
    assert (printed.returncode, printed.stdout) == (0, DASHBOARD.read_text())
    found = [
        {"record": f"panel:{number}", "expr": as_prometheus_gets_it(expression)}
        for number, (_, expression, _) in enumerate(targets())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": found}]}))
    assert f"SUCCESS: {len(found)} rules found" in promtool("check", "rules", file)


def test_each_alert_fires_when_it_should_and_then_alone(tmp_path: Path) -> None:
    assert [rule["alert"] for rule in rules()] == list(CASES)
    shutil.copy(RULES, tmp_path / "rules.yml")

    def judged(alert: str, series: dict[str, str], at: str, expected: int) -> dict[str, Any]:
        firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        samples = [{"labels": "{}", "value": expected}] if expected else []
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{"expr": firing, "eval_time": at, "exp_samples": samples}],
        }

    tests = [
        judged(alert, series, case.at, expected)
        for alert, case in CASES.items()
        for series, expected in ((case.fires, 1), (case.is_quiet, 0))
    ]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}))
    assert "SUCCESS" in promtool("test", "rules", file)
    tests[0]["promql_expr_test"][0]["exp_samples"] = []
    file.write_text(json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", file)


def test_rules_say_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}
        for command in re.findall(r"`esdb ([^`]*)`", rule["annotations"]["description"]):
            told = run_esdb(*command.split(), "--help", url=None)
            assert told.returncode == 0, told.stderr


def test_metrics_and_labels_that_are_named_exist(new_server: NewServer, tmp_path: Path) -> None:
    """And a Prometheus that collects them has something to show in each panel, and no error in any rule."""
    server = store_with_everything(new_server)
    with Exporter(server.url()) as exporter:
        labels_of = {
            name: {label for labels in samples for label, _ in labels} | TARGET_LABELS
            for name, samples in exporter.scrape().items()
        }
        used = [(rule["alert"], rule["expr"], " ".join(rule["annotations"].values())) for rule in rules()]
        assert len(used) > 10
        for title, expression, text in [*used, *targets()]:
            named = set(re.findall(r"\besdb_\w+", expression))
            assert named, title
            assert named <= labels_of.keys(), title
            known = set().union(*(labels_of[name] for name in named))
            matched = re.findall(r"(\w+)(?:=~|!=|=)\"", expression)
            grouped = [
                label for group in re.findall(r"(?:by|without) \(([^)]*)\)", expression) for label in group.split(", ")
            ]
            shown = re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", text)
            assert {*matched, *grouped, *shown} <= known, title
        with Prometheus(exporter.address, tmp_path) as prometheus:
            prometheus.wait_for_scrapes(3)
            for title, expression, _ in targets():
                found = prometheus.query(as_prometheus_gets_it(expression).replace("[5m]", "[1m]"))
                assert found or "esdb_is_standby == 1" in expression, title
            health = prometheus.rules()
            assert [rule["name"] for rule in health] == list(CASES)
            assert {rule["health"] for rule in health} == {"ok"}
            firing = {rule["name"] for rule in health if rule["state"] != "inactive"}
            # the store that has a sample of everything has a parked event too
            assert firing == {"EsdbEventsParked"}


def test_the_dashboard_is_laid_out() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_metric_is_on_the_dashboard_or_in_a_rule(db: psycopg.Connection) -> None:
    families = {name for (name,) in db.execute("select metric from esdb._metric_families()")}
    text = RULES.read_text() + DASHBOARD.read_text()
    assert {name for name in families if name not in text} == {"esdb_feed_position"}
