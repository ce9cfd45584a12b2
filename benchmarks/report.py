"""Writes the results: JSON, a Markdown table and a chart."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import goals
from benchmarks.chart import bar_chart
from benchmarks.workloads import WORKLOADS

Results = Mapping[str, Any]


def write(results: Results, folder: Path, name: str) -> None:
    """Write NAME.json, NAME.md and NAME.svg into a folder, and print the page."""
    publish(results, markdown(results, f"{name}.svg"), folder, name)
    (folder / f"{name}.svg").write_text(bar_chart(results))


def publish(results: Results, page: str, folder: Path, name: str) -> None:
    """Write NAME.json and NAME.md into a folder, and print the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / f"{name}.md").write_text(page)
    print(page)


def markdown(results: Results, chart: str) -> str:
    """Give the results as a page of Markdown."""
    sections = [_machine(results["machine"], results), f"![events per second, by workload and target]({chart})"]
    sections += [(_latency if w.half_load else _workload)(results, w.key, w.title) for w in WORKLOADS]
    sections += [_feed(results["feed"]), _sizes(results["sizes"]), _goals(results), _notes(results)]
    return "# Benchmark\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def machine_of(facts: Results) -> str:
    """Say what a benchmark ran on, from machine.facts()."""
    place = "in memory" if facts["data_in_memory"] else "on disk"
    settings = ", ".join(f"{name} = {value}" for name, value in facts["settings"].items())
    return (
        f"{facts['cores']} cores ({facts['cpu']}), {facts['memory_gb']} GB, {facts['system']}; load before:"
        f" {facts['load_before']}. {facts['server'].split(' on ')[0]}; data and WAL {place}, fdatasync"
        f" {facts['fdatasync_us']} µs; {settings}."
    )


def _machine(facts: Results, results: Results) -> str:
    peers = ", ".join(f"{name} {version}" for name, version in facts["peers"].items())
    return (
        f"{machine_of(facts)} pgbench -M prepared over a Unix socket. {peers}."
        f" Plan `{results['plan']}`: {results['repeats']} samples of {results['seconds']} s, the snapshot of W4b"
        f" {results['snapshot_seconds']} s old, {results['minutes']} minutes in all.\n\n"
        "Events per second: median (lowest to highest)."
    )


def _workload(results: Results, key: str, title: str) -> str:
    rows = [row for row in results["workloads"] if row["workload"] == key]
    if not rows:
        return ""
    clients = sorted({row["clients"] for row in rows})
    names = [target["name"] for target in results["targets"] if any(row["target"] == target["name"] for row in rows)]
    by_place = {(row["target"], row["clients"]): row for row in rows}
    unit = [f"{count} client{'s' if count > 1 else ''}" for count in clients]
    table = [["target", *unit, "of raw", "WAL bytes an event"]]
    for name in names:
        last = by_place[name, clients[-1]]
        raw = by_place.get(("raw", clients[-1]))
        ratio = f"{last['events_per_second']['median'] / raw['events_per_second']['median']:.0%}" if raw else ""
        table.append([name, *(_cell(by_place[name, c]) for c in clients), ratio, _number(last["wal_bytes_per_event"])])
    return f"## {key}: {title}\n\n{markdown_table(table)}"


def _latency(results: Results, key: str, title: str) -> str:
    rows = [row for row in results["workloads"] if row["workload"] == key]
    if not rows:
        return ""
    table = [["target", "clients", "events a second", "p50, ms", "p95, ms", "p99, ms", "p99 / p50"]]
    for row in rows:
        p50, p95, p99 = (row["percentiles_ms"][p] for p in ("p50", "p95", "p99"))
        times = [f"{p50:.3f}", f"{p95:.3f}", f"{p99:.3f}", f"{p99 / p50:.1f}"]
        table.append([row["target"], str(row["clients"]), _cell(row), *times])
    return f"## {key}: {title}\n\nLatencies include the wait for a turn.\n\n{markdown_table(table)}"


def _cell(row: Results) -> str:
    rate = row["events_per_second"]
    spread = f" ({rate['min']:,} to {rate['max']:,})" if len(rate["samples"]) > 1 else ""
    return f"{rate['median']:,}{spread}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def _feed(rows: list[Results]) -> str:
    if not rows:
        return ""
    table = [["target", "committed a second", "skipped", "duplicated", "inverted"]]
    table += [
        [
            row["target"],
            f"{row['per_second']:,}",
            f"{row['skipped']:,} ({row['skipped_percent']} %)",
            f"{row['duplicated']:,}",
            f"{row['inverted']:,}",
        ]
        for row in rows
    ]
    return f"## Feed safety: 16 writers lingering 0 to 20 ms before commit, one reader\n\n{markdown_table(table)}"


def _sizes(rows: list[Results]) -> str:
    if not rows:
        return ""
    table = [["target", "events a stream", "bytes an event", "made of"]]
    for row in rows:
        parts = ", ".join(f"{part['name']} {part['bytes_per_event']:g}" for part in row["relations"])
        table.append([row["target"], str(row["stream_length"]), f"{row['bytes_per_event']:,}", parts])
    return f"## Size, indexes included\n\n{markdown_table(table)}"


def _goals(results: Results) -> str:
    reached = goals.judge(results)
    if not reached:
        return ""
    return f"## Goals\n\nRatios of medians inside this run.\n\n{goals_table(reached)}"


def _notes(results: Results) -> str:
    lines = [
        f"- **{t['name']}**{'' if t['safe'] else ' (feed not safe, or none)'}: {t['note']}" for t in results["targets"]
    ]
    return "## Targets\n\n" + "\n".join(lines)


def goals_table(judged: Iterable[goals.Goal]) -> str:
    """Give goals, and whether each is reached, as a table of Markdown."""
    table = [["goal", "wanted", "measured", "reached"]]
    for goal in judged:
        wanted = f"{'≤' if goal.at_most else '≥'} {goal.wanted:,g}"
        measured = f"{goal.measured:,.0f}" if goal.wanted >= 100 else f"{goal.measured:.2f}"
        table.append([goal.text, wanted, measured, "yes" if goal.reached else "**no**"])
    return markdown_table(table)


def markdown_table(rows: list[list[str]]) -> str:
    """Give rows as a table of Markdown; the first is the head, and all columns but the first are numbers."""
    head, *body = rows
    lines = [head, ["---", *(["---:"] * (len(head) - 1))], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(summary: Results | None, digits: int) -> str:
    """Give a median with the lowest and the highest sample, with so many digits below 100; "" where none was taken."""
    if summary is None:
        return ""
    digits = 0 if summary["median"] >= 100 else digits
    return f"{summary['median']:,.{digits}f} ({summary['min']:,.{digits}f} to {summary['max']:,.{digits}f})"


def say(message: str) -> None:
    """Tell how far a benchmark is."""
    print(message, file=sys.stderr, flush=True)
