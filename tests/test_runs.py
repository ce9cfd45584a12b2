"""A run of the tests, however it ends, leaves no server and no folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import COMMAND_TIMEOUT, environment
from tests.tools import ROOT, processes_in

SAMPLE = """
import os
import time
from pathlib import Path


def test_passes(db, new_server, databases):
    assert db.execute("select count(*) from esdb.events").fetchone() == (0,)


def test_fails_and_leaves_much_behind(db_url, connect, new_server):
    new_server(durable=False)
    connection = connect(autocommit=False)
    connection.execute("create table left_behind ()")
    connection.execute("prepare transaction 'left behind'")
    connect().execute("select pg_advisory_lock(1)")
    assert db_url is None


def test_waits(db):
    Path(os.environ["WAITING"]).touch()
    time.sleep(600)
"""
PARALLEL = ["0", "2"]


@pytest.fixture
def folder(servers_folder: Path) -> Iterator[Path]:
    """The temporary folder of a run, which any user can reach."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=servers_folder) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def start(folder: Path, workers: str, tests: str) -> subprocess.Popen[str]:
    """Run some of the sample's tests with a temporary folder `t` that they have to themselves."""
    sample = folder / "sample" / "test_sample.py"
    sample.parent.mkdir()
    sample.write_text(SAMPLE)
    temporary = folder / "t"
    temporary.mkdir()
    temporary.chmod(0o755)
    variables = {"TMPDIR": str(temporary), "WAITING": str(folder / "waiting")}
    own = {name: value for name, value in environment(None, variables).items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "tests.fixtures", "-p", "no:cacheprovider", "-n", workers,
         "--basetemp", folder / "base", "--rootdir", sample.parent, "-k", tests, sample],
        cwd=ROOT, env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def start_and_wait(folder: Path, workers: str) -> subprocess.Popen[str]:
    """Run the test that waits until it does."""
    process = start(folder, workers, "waits")
    deadline = time.monotonic() + COMMAND_TIMEOUT
    while not (folder / "waiting").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def left_in(folder: Path) -> list[str]:
    return [*processes_in(folder), *map(str, folder.rglob("*"))]


def assert_nothing_is_left(folder: Path) -> None:
    """Wait for it: the workers of a killed run notice, but need a moment."""
    deadline = time.monotonic() + 30
    while (found := left_in(folder / "t")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == []


@pytest.mark.parametrize("workers", PARALLEL)
def test_a_failing_run_leaves_nothing(folder: Path, workers: str) -> None:
    output, _ = start(folder, workers, "passes or fails").communicate(timeout=COMMAND_TIMEOUT)
    assert "1 failed, 1 passed" in output
    assert_nothing_is_left(folder)


@pytest.mark.parametrize("workers", PARALLEL)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(folder: Path, workers: str, number: signal.Signals) -> None:
    process = start_and_wait(folder, workers)
    process.send_signal(number)
    output, _ = process.communicate(timeout=COMMAND_TIMEOUT)
    assert process.returncode != 0, output
    assert_nothing_is_left(folder)


def test_the_workers_of_a_killed_run_leave_nothing(folder: Path) -> None:
    process = start_and_wait(folder, "2")
    process.kill()
    process.communicate(timeout=COMMAND_TIMEOUT)
    assert_nothing_is_left(folder)
