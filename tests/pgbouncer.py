"""PgBouncer in transaction mode in front of a test's server."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from esdb_cli.server import LocalServer
from tests import tools

CONFIGURATION = """
[databases]
* = host={server} port={port}
[pgbouncer]
pool_mode = transaction
listen_addr =
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
default_pool_size = {pool_size}
logfile = {folder}/log
"""

Pooled = Callable[[str], str]


@contextmanager
def transaction_pooler(
    server: LocalServer, users: Sequence[str] = ("postgres",), *, pool_size: int = 20
) -> Iterator[Pooled]:
    """Start a pooler; give a function which turns the URL of a database into one that leads through the pooler.

    users: the roles that the pooler lets in. pool_size: the server's connections for each database and role.
    """
    program = tools.pgbouncer_binary()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-", dir=server.folder.parent) as name:
        folder = Path(name)
        (folder / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        settings = CONFIGURATION.format(server=server.folder, port=server.port, folder=folder, pool_size=pool_size)
        (folder / "pgbouncer.ini").write_text(settings)
        process = _start(program, folder)
        try:
            _wait_for(folder / ".s.PGSQL.6432", process)
            yield lambda url: _through(folder, url)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _start(program: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start it in the foreground; like the server it refuses to run as root."""
    identity = []
    if os.geteuid() == 0:
        identity = ["--user", "nobody"]
        folder.chmod(0o777)
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            [program, *identity, folder / "pgbouncer.ini"], stdout=output, stderr=subprocess.STDOUT, cwd=folder
        )


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"PgBouncer did not start:\n{(socket.parent / 'output').read_text()}")
        time.sleep(0.01)


def _through(folder: Path, url: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    database, user = quote(str(parts["dbname"]), safe=""), quote(str(parts["user"]), safe="")
    return f"postgresql://{user}@/{database}?host={quote(str(folder), safe='')}&port=6432"
