"""A temporary PostgreSQL of one's own: for the demo and for the tests.

The server's data, socket and log live in one new folder, which goes when the server is closed. Nothing of a
PostgreSQL that is already running on the machine is touched; only its programs are used.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self
from urllib.parse import quote

from esdb_cli import server_process
from esdb_cli.server_guard import Guard
from esdb_cli.server_process import SOCKET_PATH_LIMIT, STOP_SIGNALS, StopMode
from esdb_cli.server_programs import LocalServerError, find_bindir, major_version

__all__ = ["LocalServer", "LocalServerError", "find_bindir"]

_NOT_DURABLE: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_open_servers: list[LocalServer] = []


class LocalServer:
    """A PostgreSQL server in a temporary folder, reachable through a Unix socket in that folder.

    As a context manager it starts on entry and is closed on exit. It is also closed when the interpreter ends and,
    where the program has no handlers of its own for them, on SIGTERM and SIGHUP; when the program is killed, its guard
    does it. As root the server runs as `nobody`,
    because PostgreSQL refuses to run as root.

    bindir: the folder of `initdb` and `postgres`; by default see find_bindir.
    durable: False turns off what only matters when the machine itself crashes: flushing to disk.
    settings: server settings by name, over the defaults.
    max_connections: connections that the server admits.
    host: also listen for TCP on this loopback address (`127.0.0.1` or `::1`) at a free port.
    host_auth: how TCP connections prove who they are: a method of pg_hba.conf, `trust` or `scram-sha-256`.
    parent: the folder in which the server's folder is made; by default the system's temporary folder.
    """

    def __init__(
        self,
        *,
        bindir: str | os.PathLike[str] | None = None,
        durable: bool = False,
        settings: Mapping[str, str | int] | None = None,
        max_connections: int = 100,
        host: str | None = None,
        host_auth: str = "trust",
        parent: Path | None = None,
    ) -> None:
        if host not in {None, "127.0.0.1", "::1"}:
            raise ValueError(f"a temporary server listens on 127.0.0.1 or ::1 only, not on {host}")
        self.bindir = find_bindir(bindir)
        self.durable = durable
        self.host = host
        self.port = 5432 if host is None else _free_port(host)
        self._host_auth = host_auth
        self._settings = {
            **({} if durable else _NOT_DURABLE),
            "max_connections": str(max_connections),
            **{name: str(value) for name, value in (settings or {}).items()},
        }
        self._identity = server_process.unprivileged_identity()
        self._made_by = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = _new_folder(parent, self._identity)
        self._guard = Guard(self.folder)
        _open_servers.append(self)
        _close_on_fatal_signals()

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "log"

    @property
    def running(self) -> bool:
        """Whether the server's first process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server's first process."""
        if self._process is None or not self.running:
            raise LocalServerError("the server is not running")
        return self._process.pid

    @property
    def version(self) -> int:
        """The server's major version."""
        return major_version(self.bindir)

    def url(
        self, dbname: str = "postgres", user: str = "postgres", password: str | None = None, *, tcp: bool = False
    ) -> str:
        """Give the libpq URL of a database: through the socket or, with tcp, through the loopback address."""
        if not tcp:
            return server_process.socket_url(self.folder, self.port, dbname, user, password)
        if self.host is None:
            raise LocalServerError("the server does not listen for TCP; give it a host")
        account = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{account}@{host}:{self.port}/{quote(dbname, safe='')}"

    def start(self, *, timeout: float = 60) -> None:
        """Start the server, making its data first where there is none, and wait until it accepts connections.

        timeout: seconds to wait.
        """
        if self.running:
            return
        self.bindir = server_process.readable_programs(self.bindir, self._identity, lambda: self.folder)
        if not self.data.exists():
            server_process.initdb(
                self.bindir, str(self.data), f"--auth-host={self._host_auth}", "--no-sync",
                identity=self._identity, cwd=self.folder,
            )  # fmt: skip
        options = [part for name, value in self._server_settings().items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = server_process.spawn(
                self.bindir / "postgres", "-D", str(self.data), *options,
                identity=self._identity, cwd=self.folder, stdout=log,
            )  # fmt: skip
        self._wait_until_ready(self._process, timeout)

    def stop(self, mode: StopMode = "fast", *, timeout: float = 60) -> None:
        """Stop the server and keep its data, so that it can start again.

        mode: `smart` waits for the clients to go, `fast` rolls back and disconnects them, `immediate` stops without
        a checkpoint, so that the next start recovers as after a crash.
        timeout: seconds to wait; then LocalServerError.
        """
        if self._process is None or not self.running:
            return
        self._process.send_signal(STOP_SIGNALS[mode])
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._failure(f"the server did not stop within {timeout:g} s ({mode})") from None

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start again, with the same data, folder and port."""
        self.stop(mode)
        self.start()

    def kill9(self) -> None:
        """Kill every process of the server at once with SIGKILL, as the kernel's out-of-memory killer would."""
        if self._process is None or not self.running:
            return
        server_process.kill9(self._process.pid)
        self._process.wait()

    def close(self) -> None:
        """Stop the server and remove its folder. May be called again."""
        if self._made_by != os.getpid():
            return
        try:
            # what it would flush is removed anyway
            self.stop("immediate", timeout=20)
        except LocalServerError:
            self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._guard.release()
        if self in _open_servers:
            _open_servers.remove(self)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _server_settings(self) -> dict[str, str]:
        return {
            "listen_addresses": self.host or "",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            **self._settings,
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if server_process.wait_until_ready(process, self.data, lambda: time.monotonic() > deadline):
            return
        if process.poll() is not None:
            raise self._failure(f"the server ended while it started (exit code {process.returncode})")
        self.kill9()
        raise self._failure(f"the server did not get ready within {timeout:g} s")

    def _failure(self, message: str) -> LocalServerError:
        return server_process.failure(message, self.log)


def _new_folder(parent: Path | None, identity: Mapping[str, Any]) -> Path:
    """Make the server's folder where its user can reach it and a socket's path is not too long."""
    for place in (parent or Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        short = len(os.fsencode(place / "esdb-pg-12345678" / ".s.PGSQL.65535")) < SOCKET_PATH_LIMIT
        if short and (not identity or server_process.reachable_by_all(place)):
            folder = Path(tempfile.mkdtemp(prefix="esdb-pg-", dir=place))
            server_process.give(folder, identity)
            return folder
    raise LocalServerError(f"no temporary folder can be reached by the server's user under a short path: {parent}")


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _close_on_fatal_signals() -> None:
    """Make SIGTERM and SIGHUP end the program in order, unless it does something of its own with them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit_on_signal)


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    """End as an exception does, so that context managers and the functions registered for exit run."""
    sys.exit(128 + number)


@atexit.register
def _close_all() -> None:
    for server in tuple(_open_servers):
        server.close()
