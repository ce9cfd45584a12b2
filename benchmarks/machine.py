"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cluster import SETTINGS, Cluster
from tools import peers

_FLUSHES = 200
_BLOCK = b"\0" * 8192


def facts(cluster: Cluster) -> dict[str, Any]:
    """Give the machine, the server and the price of a flush where its WAL lies."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
        "server": cluster.value("postgres", "select version()"),
        "settings": dict(SETTINGS),
        "data_in_memory": cluster.parent == Path("/dev/shm"),  # noqa: S108
        "fdatasync_us": flush_microseconds(cluster.parent),
        "python": platform.python_version(),
        "peers": peers.versions(),
    }


def flush_microseconds(folder: Path) -> float:
    """Measure the median time that writing one block and flushing it takes in a folder."""
    samples = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.truncate(_FLUSHES * len(_BLOCK))
        for number in range(_FLUSHES):
            started = time.perf_counter()
            os.pwrite(file.fileno(), _BLOCK, number * len(_BLOCK))
            _flush(file.fileno())
            samples.append(time.perf_counter() - started)
    return round(statistics.median(samples) * 1e6, 1)


def _flush(descriptor: int) -> None:
    # where there is no fdatasync the dearer fsync stands in for it
    getattr(os, "fdatasync", os.fsync)(descriptor)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
