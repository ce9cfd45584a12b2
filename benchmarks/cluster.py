"""The one server that every target runs on, and its databases."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from esdb_cli.server import LocalServer

_MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108
_MEMORY_NEEDED: Final = 8 << 30
"""Bytes that must be free in the memory file system before the data goes there."""

SETTINGS: Final[Mapping[str, str]] = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "wal_level": "replica",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
"""What differs from the defaults, or is worth stating; the same for every target."""


_STATEMENT_SECONDS: Final = 300
"""How long a statement may take before it counts as hanging; pgbench's have a limit of their own."""


def data_parent() -> Path:
    """Choose where the server's folder goes: a file system in memory if there is room in one."""
    if _MEMORY_FOLDER.is_dir() and shutil.disk_usage(_MEMORY_FOLDER).free >= _MEMORY_NEEDED:
        return _MEMORY_FOLDER
    return Path(tempfile.gettempdir())


class Cluster:
    """A durable temporary server; a context manager."""

    def __init__(self) -> None:
        self.parent = data_parent()
        self.server = LocalServer(durable=True, settings=SETTINGS, max_connections=100, parent=self.parent)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *arguments: object) -> None:
        self.server.close()

    def url(self, database: str) -> str:
        """Give a database's URL."""
        return self.server.url(database)

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Connect, each statement its own transaction and with a limited time."""
        limit = f"-c statement_timeout={_STATEMENT_SECONDS}s"
        with psycopg.connect(self.url(database), autocommit=True, options=limit) as connection:
            yield connection

    def execute(self, database: str, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement, or several without parameters."""
        with self.connection(database) as connection:
            connection.execute(statement, parameters)

    def value(self, database: str, statement: str) -> Any:
        """Give the first column of a query's first row."""
        with self.connection(database) as connection:
            row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]

    def create(self, database: str, template: str = "template0") -> None:
        """Create a database as a copy of another, in place of one with that name."""
        self.execute("postgres", f'drop database if exists "{database}" with (force)')
        self.execute("postgres", f'create database "{database}" template "{template}"')
        self._copy_settings(template, database)

    def drop(self, database: str) -> None:
        """Drop a database."""
        self.execute("postgres", f'drop database "{database}" with (force)')

    def checkpoint(self) -> None:
        """Write everything out, so that no run pays for the one before."""
        self.execute("postgres", "checkpoint")

    def wal_position(self) -> int:
        """Give the bytes of WAL written so far."""
        return int(self.value("postgres", "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    @contextmanager
    def slow_flush(self, microseconds: int) -> Iterator[None]:
        """Let every flush of the WAL take that much longer, as a disk's would."""
        self._configure({"commit_delay": str(microseconds), "commit_siblings": "0"})
        try:
            yield
        finally:
            self._configure({"commit_delay": "0", "commit_siblings": "5"})

    def _configure(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self.execute("postgres", f"alter system set {name} = '{value}'")
        self.execute("postgres", "select pg_reload_conf()")
        # a new session shows whether the server has read the file already
        deadline = time.monotonic() + 10
        while any(self.value("postgres", f"show {name}") != value for name, value in settings.items()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server has not taken up {dict(settings)}")
            time.sleep(0.01)

    def _copy_settings(self, template: str, database: str) -> None:
        """A copy does not inherit `alter database … set`; give it those of its template."""
        with self.connection() as connection:
            rows = connection.execute(
                "select unnest(s.setconfig) from pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase"
                " where d.datname = %s and s.setrole = 0",
                (template,),
            ).fetchall()
        for (setting,) in rows:
            name, _, value = setting.partition("=")
            self.execute("postgres", f'alter database "{database}" set {name} = {value}')
