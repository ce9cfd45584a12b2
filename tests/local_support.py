"""Folders for `esdb --local`, the command run in them by whom a test wants, and what it may not leave behind."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from esdb_cli import server_process
from tests.databases import COMMAND_TIMEOUT, environment, esdb_program
from tests.fixtures import bindir
from tests.tools import ROOT, processes_in

IS_ROOT = os.geteuid() == 0
# Python may lie where another user cannot read it, so everything is loaded before the user changes.
_AS_ANOTHER = """
import difflib, email.policy, encodings.idna, encodings.unicode_escape, importlib, os, pkgutil, pwd, sys
import jinja2.ext, psycopg.rows, psycopg.types, psycopg_binary, yoyo
import esdb_cli
for module in pkgutil.iter_modules(esdb_cli.__path__):
    if module.name != "__main__":
        importlib.import_module(f"esdb_cli.{module.name}")
from esdb_cli import main
account = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(account.pw_gid)
os.setuid(account.pw_uid)
main.main()
"""


def command(*arguments: str, as_nobody: bool = False) -> list[str | Path]:
    """Give the command line of `esdb`, run by ourselves or by the user nobody."""
    if as_nobody and IS_ROOT:
        return [sys.executable, "-c", _AS_ANOTHER, *arguments]
    return [esdb_program(), *arguments]


class Place:
    """A folder in which commands are run."""

    def __init__(self, path: Path, *, as_nobody: bool = False) -> None:
        self.path = path
        self._as_nobody = as_nobody

    @property
    def data(self) -> Path:
        """The data directory of the folder's server."""
        return self.path / ".esdb" / "data"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `esdb` with the server under test, its output kept for communicate()."""
        # a folder that the run removes, and that the server's user reaches
        temporary = self.path.parent if self._as_nobody else self.path.parent.parent
        own = {"ESDB_PG_BINDIR": str(bindir()), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
        env = environment(None, {**own, **variables})
        return subprocess.Popen(
            command(*arguments, as_nobody=self._as_nobody), cwd=self.path, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `esdb` and wait for it."""
        process = self.start(*arguments, **variables)
        output, errors = process.communicate(timeout=COMMAND_TIMEOUT)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def ok(self, *arguments: str, **variables: str) -> str:
        """Run `esdb`, which must succeed, and give its output."""
        result = self.run(*arguments, **variables)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def pid(self) -> int:
        """Give the process id of the folder's server."""
        written = server_process.read_pid_file(self.data)
        assert written is not None
        return written.pid

    def is_ready(self) -> bool:
        """Tell whether the folder's server takes connections."""
        written = server_process.read_pid_file(self.data)
        return written is not None and written.is_ready

    def beside(self, name: str) -> Place:
        """Give another folder beside this one, which need not exist."""
        return Place(self.path.with_name(name), as_nobody=self._as_nobody)


@contextmanager
def new_place(parent: Path, name: str = "x", *, as_nobody: bool = False) -> Iterator[Place]:
    """Make a folder that nobody but its user may enter; its servers, and those beside it, are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="local-", dir=parent, ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder, name), as_nobody=as_nobody)
        place.path.mkdir()
        if as_nobody and IS_ROOT:
            account = pwd.getpwnam("nobody")
            for path in (place.path.parent, place.path):
                os.chown(path, account.pw_uid, account.pw_gid)
        try:
            yield place
        finally:
            _end_servers(Path(folder))
        assert processes_in(Path(folder)) == []


def _end_servers(folder: Path) -> None:
    """Kill what runs in a folder: a test that failed may have left anything there."""
    for line in processes_in(folder):
        pid = int(line.split()[0])
        if "postgres" in line or "initdb" in line:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            server_process.wait_until_gone([pid])


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds; it must in the end."""
    deadline = time.monotonic() + COMMAND_TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
