"""The server that is kept in a folder: started when it is needed, and left running.

It is reached through a socket inside its data directory alone, which PostgreSQL itself wants to be closed to other
users. On Linux the server is given that directory as an open file descriptor. So it needs no way to it, as root's home
is none for the user that runs the server; and no length or letter of the path is in its way.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from esdb_cli import server_process
from esdb_cli.output import say
from esdb_cli.server_process import STOP_SIGNALS, StopMode
from esdb_cli.server_programs import LocalServerError, find_bindir, find_bindir_of

if TYPE_CHECKING:
    import subprocess

    from esdb_cli.local_folder import LocalFolder, Memory

DATABASE: Final = "esdb"
PORT: Final = 5432
"""It is but a part of the socket's name."""
_PATIENCE: Final = 10.0
"""Seconds after which the reader is told what is being waited for."""
_LONGEST_WAIT: Final = 60.0
"""Seconds that the last processes of a killed server, and one that stops, get."""
_ORPHANS: Final = "shared memory block"
"""What PostgreSQL says when processes of a killed server still work on the data."""


class KeptServer:
    """The server in a folder; several may be made for the same one, in this process and in others."""

    def __init__(self, folder: LocalFolder) -> None:
        self.folder = folder
        self._identity = server_process.unprivileged_identity()

    def pid(self) -> int | None:
        """Give the process id of the running server, None when none runs on this very data directory."""
        written = server_process.read_pid_file(self.folder.data)
        if written is None or not self._is_ours(written.pid):
            return None
        return written.pid

    def url(self) -> str | None:
        """Give the URL of the database if the server is ready."""
        written = server_process.read_pid_file(self.folder.data)
        host = self.folder.host(self.folder.recall())
        if written is None or host is None or not written.is_ready or not self._is_ours(written.pid):
            return None
        return server_process.socket_url(host, PORT, DATABASE)

    def ensure(self) -> str:
        """Give the URL of the database; the server is started, and made, where it has to be."""
        if self.folder.exists():
            if url := self.url():
                return url
            if self.folder.version is None:
                refuse_strangers(self.folder)
        with self.folder.locked(make=True) as lock:
            self._wait_for_another()
            if self.pid() is None:
                self._start(lock)
            host = self.folder.link(self.folder.recall())
            return server_process.socket_url(host, PORT, DATABASE)

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server; False when none was running."""
        with self.folder.locked():
            return self._stop(mode)

    def destroy(self) -> None:
        """Stop the server and remove the folder with all that is in it; raises LocalServerError if that is not ours."""
        if self.folder.exists():
            refuse_strangers(self.folder)
        with self.folder.locked():
            refuse_strangers(self.folder)
            self._stop("immediate")
            self.folder.remove()

    def _stop(self, mode: StopMode) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, STOP_SIGNALS[mode])
        server_process.wait_until_gone([pid], _LONGEST_WAIT)
        return True

    def _start(self, lock: int) -> None:
        memory = self.folder.recall()
        version = self.folder.version
        if version is None:
            bindir = find_bindir()
        else:
            bindir = find_bindir_of(version, Path(memory.bindir or "/nonexistent"))
            self._refuse_copy(memory)
            self._refuse_another()
        memory.bindir = str(bindir)
        bindir = server_process.readable_programs(bindir, self._identity, lambda: self.folder.private(memory))
        self._clear_leavings()
        if version is None:
            say(f"making a server in {self.folder.path} …")
            self._make_data(bindir, lock)
        memory.folder, memory.inode = str(self.folder.path), self.folder.data.stat().st_ino
        self.folder.remember(memory)
        self._run(bindir)
        say(f"started PostgreSQL {self.folder.version} in {self.folder.path}; `esdb local stop` stops it")

    def _make_data(self, bindir: Path, lock: int) -> None:
        """Make the data under another name, so that they are whole or not there; who is at it holds the lock."""
        new = Path(tempfile.mkdtemp(prefix="data.", dir=self.folder.path))
        try:
            server_process.give(new, self._identity)
            with self._opened(new) as (name, options):
                options["pass_fds"] = (*options.get("pass_fds", ()), lock)
                server_process.initdb(bindir, name, "--auth-host=reject", **options)
                statement = f"create database {DATABASE}\n".encode()
                said = server_process.run(
                    bindir / "postgres", "--single", "-D", name, "postgres", text=statement, **options
                )
            _refuse_error(said)
            new.rename(self.folder.data)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _flush(self.folder.path)

    def _run(self, bindir: Path) -> None:
        """Start the server, once more while the last processes of a killed one are going."""
        deadline, patience = time.monotonic() + _LONGEST_WAIT, _Patience()
        while True:
            start = self.folder.log.stat().st_size if self.folder.log.exists() else 0
            process = self._spawn(bindir)
            try:
                ready = server_process.wait_until_ready(process, self.folder.data, patience)
            except BaseException:
                process.send_signal(STOP_SIGNALS["immediate"])
                process.wait()
                raise
            if ready:
                _leave_alone(process)
                return
            error = server_process.failure("the server ended while it started", self.folder.log, start)
            if _ORPHANS not in str(error) or time.monotonic() > deadline:
                raise error
            patience()
            time.sleep(0.1)

    def _spawn(self, bindir: Path) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "port": PORT,
            # the data directory itself: the server works in it
            "unix_socket_directories": ".",
            "unix_socket_permissions": "0700",
            # by these the command line tells which server it is: to people, and to us
            "esdb.folder": self.folder.path,
            "esdb.inode": self.folder.data.stat().st_ino,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (
            self._opened(self.folder.data) as (name, options),
            open(self.folder.log, "ab", opener=_private_file) as log,
        ):
            return server_process.spawn(bindir / "postgres", "-D", name, *arguments, stdout=log, **options)

    @contextlib.contextmanager
    def _opened(self, data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the name by which the server's user reaches a data directory, and the options of Popen for it."""
        options: dict[str, Any] = {"identity": self._identity, "cwd": Path("/")}
        if sys.platform != "linux":
            if self._identity:
                raise LocalServerError("PostgreSQL refuses to run as root: work as another user")
            yield str(data), options
            return
        descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}", {**options, "pass_fds": (descriptor,)}
        finally:
            os.close(descriptor)

    def _is_ours(self, pid: int) -> bool:
        """Tell whether a process is the server of this directory: ids are given out anew, and folders are copied."""
        mark = rf"esdb\.inode={self.folder.data.stat().st_ino}\s"
        return server_process.is_alive(pid) and re.search(mark, server_process.arguments_of(pid)) is not None

    def _wait_for_another(self) -> None:
        """Wait until a server is ready whose starter did not live to see it, or gone that is going."""
        patience = _Patience()
        while self.pid() is not None:
            written = server_process.read_pid_file(self.folder.data)
            if written is not None and written.is_ready:
                return
            patience()
            time.sleep(0.02)

    def _refuse_copy(self, memory: Memory) -> None:
        """Refuse data that were copied while a server wrote them: the copy is of no one moment."""
        if memory.folder and self.folder.is_copy(memory) and (self.folder.data / "postmaster.pid").exists():
            raise LocalServerError(
                f"{self.folder.path} is a copy of {memory.folder}, made while its server was running\n"
                "such a copy may be damaged: stop the server before you copy its folder. If you know that it was not"
                " running any more when you copied, remove postmaster.pid from the copy's data"
            )

    def _refuse_another(self) -> None:
        """Refuse to start beside a server that somebody started on these data by other means."""
        written = server_process.read_pid_file(self.folder.data)
        if written is None or not server_process.is_alive(written.pid):
            return
        with contextlib.suppress(OSError):
            if "postgres" in server_process.arguments_of(written.pid) and self.folder.data.samefile(written.data):
                raise LocalServerError(
                    f"a server that esdb did not start works on {self.folder.data}: pid {written.pid}"
                )

    def _clear_leavings(self) -> None:
        for leaving in self.folder.path.glob("data.*"):
            shutil.rmtree(leaving, ignore_errors=True)
        # it guards nothing here that the directory's own lock does not
        (self.folder.data / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        if server_process.read_pid_file(self.folder.data) is not None:
            # The id may have gone to another process, or its own be dead but not yet buried. The server takes
            # a file in which its parent is named for stale, and still looks for other processes of the killed server.
            with open(self.folder.data / "postmaster.pid", "r+", opener=_private_file) as file:
                _, _, rest = file.read().partition("\n")
                file.seek(0)
                file.write(f"{os.getpid()}\n{rest}")
                file.truncate()


def refuse_strangers(folder: LocalFolder) -> None:
    """Raise LocalServerError if a folder is none that esdb made."""
    if strangers := folder.strangers():
        raise LocalServerError(f"{folder.path} is no folder of a server of esdb's: it holds {', '.join(strangers)}")


def _refuse_error(said: str) -> None:
    """Raise what a server in single-user mode complained of; it ends with 0 all the same."""
    if "ERROR" in said:
        raise LocalServerError(f"the database {DATABASE} cannot be made:\n{said}")


class _Patience:
    """Says once, after a while, what is being waited for; it is never too late."""

    def __init__(self) -> None:
        self._until = time.monotonic() + _PATIENCE

    def __call__(self) -> bool:
        if time.monotonic() > self._until:
            self._until = float("inf")
            say("the server is not ready yet: after a crash it recovers first …")
        return False


_left_alone: list[subprocess.Popen[bytes]] = []


def _leave_alone(process: subprocess.Popen[bytes]) -> None:
    """Keep the object of a process that outlives us, which Python would warn of."""
    _left_alone.append(process)


def _private_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
