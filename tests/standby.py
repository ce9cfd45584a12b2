"""Copies of a running server: standbys that follow it, and restores to a point in time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from esdb_cli.server import LocalServer
from tests import tools
from tests.databases import run_esdb
from tests.feed_support import until, value
from tests.fixtures import bindir


class Servers:
    """Servers of one test: a primary, and what is made from its base backups. Closed by close()."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._servers: list[LocalServer] = []

    def primary(self, **settings: str | int) -> LocalServer:
        """Start a server with the store in it."""
        server = self._new(settings)
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
        owner = copy.folder.stat()
        for path in (copy.data, *copy.data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        copy.start()
        return copy

    def standby(self, primary: LocalServer, **settings: str | int) -> LocalServer:
        """Start a standby that follows a server."""
        conninfo = f"host={primary.folder} port={primary.port} user=postgres"
        return self.start(self.backup(primary, **settings), "standby.signal", primary_conninfo=conninfo)

    def _new(self, settings: dict[str, str | int]) -> LocalServer:
        server = LocalServer(bindir=bindir(), durable=True, parent=self._parent, settings=settings)
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Stop all and remove their folders."""
        for server in reversed(self._servers):
            server.close()


def connected(server: LocalServer, **options: Any) -> psycopg.Connection:
    """Open a connection (autocommit) to a server's store."""
    return psycopg.connect(server.url(), **{"autocommit": True, **options})


def has_replayed(primary: psycopg.Connection, standby: psycopg.Connection) -> None:
    """Wait until a standby has replayed what the primary has logged up to now."""
    until(replayed(standby, value(primary, "select pg_current_wal_insert_lsn()")), "the standby's replay")


def replayed(standby: psycopg.Connection, lsn: str) -> Callable[[], bool]:
    """Give the test whether a standby has come to a place in the log."""
    return lambda: bool(value(standby, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)))


def promoted(standby: LocalServer) -> None:
    """Make a standby a server of its own."""
    with connected(standby) as connection:
        assert value(connection, "select pg_promote(true, 60)")
