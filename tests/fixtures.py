"""The server under test, and fresh databases, connections and commands on it, as fixtures.

Each process that runs tests (with pytest-xdist, each worker) starts one server when the first test needs it.
ESDB_TEST_PG_BINDIR names the folder of the server programs to test with.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import psycopg
import pytest

from esdb_cli.server import LocalServer, find_bindir
from tests import tools
from tests.databases import Databases, run_esdb
from tests.pgbouncer import Pooled, transaction_pooler

Connection = psycopg.Connection[tuple[Any, ...]]
Connect = Callable[..., Connection]
NewServer = Callable[..., LocalServer]

MEMORY_OF_A_WORKER = 1 << 30
"""Bytes that the servers of one process may come to need at a time, their logs of changes included."""
_folder_key = pytest.StashKey[Path]()
_databases_key = pytest.StashKey[Databases]()


class Esdb(Protocol):
    """Runs the command `esdb`.

    url: the database, by default the test's own migrated one. env: further environment variables.
    """

    def __call__(
        self,
        *arguments: str,
        url: str | None = None,
        stdin: str = "",
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]: ...


def bindir() -> Path:
    """Give the server programs under test."""
    return find_bindir(os.environ.get("ESDB_TEST_PG_BINDIR"))


def databases_of(config: pytest.Config) -> Databases:
    """Give the databases of the server under test; the first call starts it."""
    if _databases_key not in config.stash:
        server = LocalServer(
            bindir=bindir(),
            max_connections=200,
            settings={"max_prepared_transactions": 20, "max_wal_size": "256MB"},
            parent=folder_of(config),
        )
        server.start()
        config.stash[_databases_key] = Databases(server)
    return config.stash[_databases_key]


def folder_of(config: pytest.Config) -> Path:
    """Give the folder of all servers of this process; the first call makes it."""
    if _folder_key not in config.stash:
        folder = Path(tempfile.mkdtemp(prefix="esdb-tests-", dir=_place()))
        folder.chmod(0o755)
        config.stash[_folder_key] = folder
    return config.stash[_folder_key]


def _place() -> Path | None:
    """Give the folder in memory for the servers' data, unless it has no room or TMPDIR says where.

    Each test's database is a thousand files to make and to remove: half of the time would be the disk's.
    """
    memory = Path("/dev/shm")  # noqa: S108
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK | os.X_OK):
        return None
    status = os.statvfs(memory)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # programs that the server's user cannot reach are copied beside the data
    if status.f_flag & os.ST_NOEXEC or status.f_bavail * status.f_frsize < workers * MEMORY_OF_A_WORKER:
        return None
    return memory


def pytest_configure() -> None:
    """Let SIGTERM end the run as Ctrl-C does, and Ctrl-C what the tests start, also in a job of the background."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    pytest.exit(f"ended by signal {number}", returncode=128 + number)


def pytest_report_header() -> str:
    """Name the server under test."""
    programs = bindir()
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return f"server: {version.stdout.strip()} of {programs}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the server and remove the folder; a server process that a test left behind fails the run."""
    if _folder_key not in session.config.stash:
        return
    folder = session.config.stash[_folder_key]
    try:
        if _databases_key in session.config.stash:
            session.config.stash[_databases_key].server.close()
        left = tools.processes_in(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"ERROR: server processes were left running: {left}", red=True)


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Databases:
    """Makes and drops databases on the server under test."""
    return databases_of(pytestconfig)


@pytest.fixture(scope="session")
def server(databases: Databases) -> LocalServer:
    """The server under test. It is everybody's: tests that stop or kill a server use new_server."""
    return databases.server


@pytest.fixture
def db_url(databases: Databases) -> Iterator[str]:
    """The URL of a fresh database with the store in it."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture
def db(db_url: str) -> Iterator[Connection]:
    """A connection (autocommit) to a fresh database with the store in it."""
    with psycopg.connect(db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def connect(db_url: str) -> Iterator[Connect]:
    """Opens further connections to the test's database (autocommit unless told); closed after the test."""
    yield from _connections(db_url)


@pytest.fixture
def empty_db_url(databases: Databases) -> Iterator[str]:
    """The URL of a fresh database without the store."""
    url = databases.empty()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_db(empty_db_url: str) -> Iterator[Connection]:
    """A connection (autocommit) to a fresh database without the store."""
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def esdb(request: pytest.FixtureRequest) -> Esdb:
    """Runs the command `esdb`, by default on the test's migrated database."""

    def run(*arguments: str, url: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        return run_esdb(*arguments, url=url or request.getfixturevalue("db_url"), **options)

    return run


@pytest.fixture(scope="session")
def servers_folder(pytestconfig: pytest.Config) -> Path:
    """The folder for servers' folders: any user reaches it, and after the run nobody may still be working in it."""
    return folder_of(pytestconfig)


@pytest.fixture
def new_server(servers_folder: Path) -> Iterator[NewServer]:
    """Starts servers of the test's own, durable unless told, which it may stop and kill."""
    servers: list[LocalServer] = []

    def start(**options: Any) -> LocalServer:
        defaults = {"bindir": bindir(), "durable": True, "parent": servers_folder}
        server = LocalServer(**{**defaults, **options})
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def pooled(server: LocalServer) -> Iterator[Pooled]:
    """Turns the URL of a database of the server under test into one through PgBouncer in transaction mode."""
    with transaction_pooler(server) as through:
        yield through


def _connections(url: str) -> Iterator[Connect]:
    opened: list[Connection] = []

    def connect(**options: Any) -> Connection:
        connection = psycopg.connect(url, **{"autocommit": True, **options})
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()
