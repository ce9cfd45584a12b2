"""Copies of a running server: standbys that follow it, and restores to a point in time."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from esdb_cli.server import LocalServer
from tests import tools
from tests.databases import environment, run_esdb
from tests.feed_support import until, value
from tests.fixtures import bindir


class Servers:
    """Servers of one test: a primary, and what is made from its base backups. Closed by close()."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._servers: list[LocalServer] = []

    def primary(self, programs: Path | None = None, /, **settings: str | int) -> LocalServer:
        """Start a server with the store in it: of the programs under test, or of others."""
        server = self._new(settings, programs)
        server.start()
        for arguments in (["migrate"], ["partitions", "create-next"]):
            result = run_esdb(*arguments, url=server.url())
            assert result.returncode == 0, result.stderr
        return server

    def backup(self, primary: LocalServer, **settings: str | int) -> LocalServer:
        """Make a server from a base backup of another, and do not start it."""
        copy = self._new(settings)
        program = tools.client("pg_basebackup", primary.bindir)
        subprocess.run(
            [program, "-d", primary.url(), "-D", copy.data, "-X", "stream", "-c", "fast", "--no-sync"], check=True
        )
        return copy

    def start(self, copy: LocalServer, signal_file: str, **settings: str) -> LocalServer:
        """Start a server made from a base backup: standby.signal or recovery.signal, and its settings."""
        (copy.data / signal_file).touch()
        with (copy.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{setting}'\n" for name, setting in settings.items())
        give_to_its_user(copy.data, copy)
        copy.start()
        return copy

    def standby(self, primary: LocalServer, **settings: str | int) -> LocalServer:
        """Start a standby that follows a server."""
        conninfo = f"host={primary.folder} port={primary.port} user=postgres"
        return self.start(self.backup(primary, **settings), "standby.signal", primary_conninfo=conninfo)

    def _new(self, settings: dict[str, str | int], programs: Path | None = None) -> LocalServer:
        server = LocalServer(bindir=programs or bindir(), durable=True, parent=self._parent, settings=settings)
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Stop all and remove their folders."""
        for server in reversed(self._servers):
            server.close()


@pytest.fixture
def servers(servers_folder: Path) -> Iterator[Servers]:
    """Makes servers and copies of them."""
    made = Servers(servers_folder)
    yield made
    made.close()


def give_to_its_user(folder: Path, server: LocalServer) -> None:
    """Make the server's user the owner of a folder and all that is in it."""
    owner = server.folder.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def run_as_server(program: str | Path, *arguments: str | Path, server: LocalServer) -> str:
    """Run a program as the server's user, in the server's folder, and give what it says."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    result: subprocess.CompletedProcess[str] = subprocess.run(
        [program, *arguments], cwd=server.folder, env=environment(None, {"LC_ALL": "C.UTF-8"}), **identity,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    return result.stdout


def connected(server: LocalServer, **options: Any) -> psycopg.Connection:
    """Open a connection (autocommit) to a server's store."""
    return psycopg.connect(server.url(), **{"autocommit": True, **options})


def has_replayed(primary: psycopg.Connection, standby: psycopg.Connection) -> None:
    """Wait until a standby has replayed what the primary has logged up to now."""
    until(replayed(standby, value(primary, "select pg_current_wal_insert_lsn()")), "the standby's replay")


def replayed(standby: psycopg.Connection, lsn: str) -> Callable[[], bool]:
    """Give the test whether a standby has come to a place in the log."""
    return lambda: bool(value(standby, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)))


def is_archived(connection: psycopg.Connection) -> None:
    """Wait until all that is in a server's log by now is in its archive."""
    segment = value(connection, "select pg_walfile_name(pg_switch_wal())")
    until(
        lambda: value(connection, "select last_archived_wal >= %s from pg_stat_archiver", (segment,)),
        "the archiver's word",
    )


def is_promoted(server: LocalServer) -> None:
    """Wait until a server has come to the end of its recovery."""
    with connected(server) as connection:
        until(lambda: not value(connection, "select pg_is_in_recovery()"), "the end of the recovery")


def promoted(standby: LocalServer) -> None:
    """Make a standby a server of its own."""
    with connected(standby) as connection:
        assert value(connection, "select pg_promote(true, 60)")
