"""`make bench-import`: how fast `esdb import` and `esdb export` are, and how much memory they take.

A file of events is imported once and exported, which gives the file as `esdb export` writes it. Then that file is
imported into an empty store and exported again, several times. Beside the rate by the clock stands the time of
processors that an event takes, in the command and in the server, which a machine with other work to do changes less.
QUICK=1 in the environment takes a small file, once, which shows that all works and little more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import import_export_file, machine
from benchmarks.cluster import Cluster
from benchmarks.goals import Goal
from benchmarks.report import goals_table, machine_of, markdown_table, publish, spread
from benchmarks.run import RESULTS, is_quick

_COMMAND: Final = Path(sysconfig.get_path("scripts")) / "esdb"
_EMPTY: Final = "import_empty"
_STORE: Final = "import_run"
_FIGURES: Final = {
    "events_per_second": "events/s",
    "megabytes_per_second": "MB/s",
    "client_us": "processor time of the command, µs an event",
    "server_us": "processor time of the server, µs an event",
    "peak_mb": "peak memory of the command, MB",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the file and the store, measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_export", description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--repeats", type=int, default=1 if is_quick() else 5, help="samples of each number")
    parser.add_argument("--events", type=int, default=100_000 if is_quick() else 1_000_000, help="events in the file")
    parser.add_argument("--jobs", type=int, default=4, help="batches that an import reads and writes at a time")
    options = parser.parse_args(arguments)
    with Cluster() as cluster:
        file = Path(cluster.server.data).parent / "events.ndjson"
        results: dict[str, Any] = {
            "machine": machine.facts(cluster),
            "events": options.events,
            "repeats": options.repeats,
            "jobs": options.jobs,
            "bytes": _prepare(cluster, file, options.events),
        }
        samples: dict[str, list[dict[str, float]]] = {"import": [], "export": []}
        for _ in range(options.repeats):
            cluster.create(_STORE, _EMPTY)
            cluster.checkpoint()
            samples["import"].append(_sample(cluster, results, "import", str(file), "--jobs", str(options.jobs)))
            cluster.execute(_STORE, "vacuum analyze")
            samples["export"].append(_sample(cluster, results, "export", str(file.with_suffix(".exported"))))
        file.unlink()
        file.with_suffix(".exported").unlink()
    results["figures"] = {command: _summary(taken) for command, taken in samples.items()}
    publish(results, markdown(results), options.output, "import_export")
    return 0


def _prepare(cluster: Cluster, file: Path, count: int) -> int:
    """Make an empty store, and the file as an export writes it; give its size."""
    cluster.create(_EMPTY)
    _esdb(cluster, _EMPTY, "migrate")
    _esdb(cluster, _EMPTY, "partitions", "create-next")
    cluster.create(_STORE, _EMPTY)
    import_export_file.write(file, count)
    _esdb(cluster, _STORE, "import", str(file))
    _esdb(cluster, _STORE, "export", str(file))
    return file.stat().st_size


def _sample(cluster: Cluster, results: Mapping[str, Any], *arguments: str) -> dict[str, float]:
    server = _server_seconds(cluster)
    started = time.monotonic()
    usage = _esdb(cluster, _STORE, *arguments)
    seconds = time.monotonic() - started
    count = results["events"]
    sample = {
        "events_per_second": count / seconds,
        "megabytes_per_second": results["bytes"] / seconds / 1e6,
        "client_us": (usage.ru_utime + usage.ru_stime) / count * 1e6,
        "server_us": (_server_seconds(cluster) - server) / count * 1e6,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    print(f"{arguments[0]:7} {count / seconds:9,.0f} events/s", file=sys.stderr, flush=True)
    return sample


def _esdb(cluster: Cluster, database: str, *arguments: str) -> Any:
    """Run the esdb command on a store; give what it used."""
    environment = {**os.environ, "ESDB_DATABASE_URL": cluster.url(database)}
    with subprocess.Popen(
        [_COMMAND, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        messages = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"esdb {arguments[0]} failed: {messages}")
    return usage


def _server_seconds(cluster: Cluster) -> float:
    """Give the processor time that the server's processes have used, those that have ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended just now
            continue
        if int(stat.parent.name) == cluster.server.pid:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == cluster.server.pid:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _summary(samples: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    def of(pick: Callable[[list[float]], float], figure: str) -> float:
        return round(pick([sample[figure] for sample in samples]), 1)

    return {
        figure: {
            "median": of(statistics.median, figure),
            "min": of(min, figure),
            "max": of(max, figure),
            "samples": [round(sample[figure], 1) for sample in samples],
        }
        for figure in _FIGURES
    }


def judge(figures: Mapping[str, Any]) -> list[Goal]:
    """Give every goal with the figure that was measured."""
    return [
        Goal("import, events/s", 100_000, figures["import"]["events_per_second"]["median"]),
        Goal("export, events/s", 200_000, figures["export"]["events_per_second"]["median"]),
        Goal("import, peak memory of the command, MB", 300, figures["import"]["peak_mb"]["max"], at_most=True),
        Goal("export, peak memory of the command, MB", 300, figures["export"]["peak_mb"]["max"], at_most=True),
    ]


def markdown(results: Mapping[str, Any]) -> str:
    """Give the results as a page of Markdown."""
    figures = [["what", *results["figures"]]]
    for figure, title in _FIGURES.items():
        figures.append([title, *(spread(taken[figure], 1) for taken in results["figures"].values())])
    conditions = f"{machine_of(results['machine'])} The command runs on the same cores, its start included."
    file = (
        f"The file has {results['events']:,} events in {results['bytes'] / 1e6:,.0f} MB: {import_export_file.MONTHS}"
        f" months, {len(import_export_file.CONTEXTS)} contexts, streams of {import_export_file.STREAM_LENGTH} events,"
        f" and {import_export_file.LONG_STREAMS} streams with a tenth of all. The import makes the"
        f" months, {results['jobs']} batches at a time."
    )
    return "\n\n".join([
        "# Import and export",
        conditions,
        file,
        "## Goals",
        goals_table(judge(results["figures"])),
        "## Figures",
        f"Median of {results['repeats']} samples, lowest to highest.",
        markdown_table(figures),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
