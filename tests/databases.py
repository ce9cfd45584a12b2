"""Fresh databases for tests, each a copy of a template made once.

pytest-postgresql's janitor makes and drops them. Its fixtures do not serve here: pgTAP's items take none, a test may
want several databases, and one that leaves a prepared transaction behind could not be dropped.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql
from pytest_postgresql.janitor import DatabaseJanitor

from esdb_cli.server import LocalServer
from tests import commands, tools

COMMAND_TIMEOUT = 120
"""Seconds after which a command run by a test counts as hanging."""
CONNECTION_TIMEOUT = 20
"""Seconds that a server in recovery gets before a database of its is made or dropped."""

_commands = commands.Commands()


class Janitor(DatabaseJanitor):
    """Copies files: half of the time of writing every block to the log, where nothing is flushed to disk."""

    def _build_create_database_sql(self) -> sql.Composed:
        return super()._build_create_database_sql() + sql.SQL(" strategy file_copy")


class Databases:
    """The databases of one server: created for a test, dropped after it."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    def empty(self) -> str:
        """Create an empty database and give its URL."""
        return self._copy(None)

    def migrated(self) -> str:
        """Create a database with the store and its partitions in it and give its URL."""
        return self._copy(self._store())

    def with_pgtap(self) -> str:
        """Create a database with the store and pgTAP in it and give its URL."""
        return self._copy(self._template("pgtap_template", self._store(), tools.install_pgtap))

    def drop(self, url: str) -> None:
        """Drop a database with all that holds on to it: connections and prepared transactions."""
        name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            prepared = connection.execute("select gid from pg_prepared_xacts where database = %s", (name,)).fetchall()
        if prepared:
            with psycopg.connect(url, autocommit=True) as connection:
                for (gid,) in prepared:
                    connection.execute(sql.SQL("rollback prepared {}").format(sql.Literal(gid)))
        self._janitor(name).drop()

    def _store(self) -> str:
        return self._template("esdb_template", None, _migrate)

    def _copy(self, template: str | None) -> str:
        name = f"test_{next(self._numbers)}"
        self._janitor(name, template).init()
        return self.server.url(name)

    def _template(self, name: str, base: str | None, fill: Callable[[str], None]) -> str:
        """Make a template once. What failed is not tried again: the tests that need it tell the reason each."""
        if name not in self._templates:
            try:
                self._janitor(name, base, as_template=True).init()
                fill(self.server.url(name))
            except Exception as error:
                self._templates[name] = str(error)
                raise
            self._templates[name] = ""
        if self._templates[name]:
            raise RuntimeError(self._templates[name])
        return name

    def _janitor(self, name: str, template: str | None = None, *, as_template: bool = False) -> Janitor:
        return Janitor(
            user="postgres",
            host=str(self.server.folder),
            port=self.server.port,
            dbname=name,
            template_dbname=template,
            as_template=as_template,
            connection_timeout=CONNECTION_TIMEOUT,
        )


def _migrate(url: str) -> None:
    for arguments in (["migrate"], ["partitions", "create-next"]):
        result = run_esdb(*arguments, url=url)
        if result.returncode:
            raise RuntimeError(f"esdb {' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")


def esdb_program() -> Path:
    """Give the installed command `esdb` of the Python that runs the tests."""
    program = Path(sysconfig.get_path("scripts")) / "esdb"
    if not program.exists():
        raise RuntimeError(f"{program} is missing; install the project: pip install --editable .")
    return program


def environment(url: str | None, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Give an environment which names the database by ESDB_DATABASE_URL alone, or no database at all."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    own.pop("DATABASE_URL", None)
    own.pop("ESDB_DATABASE_URL", None)
    return {**own, **({"ESDB_DATABASE_URL": url} if url else {}), **(extra or {})}


def start_esdb(*arguments: str, url: str) -> subprocess.Popen[str]:
    """Start the installed command on a database, its output kept for communicate()."""
    return subprocess.Popen(
        [esdb_program(), *arguments], env=environment(url), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run_esdb(
    *arguments: str, url: str | None, stdin: str = "", env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command on a database and wait for it: quickly, or as installed where it needs an interpreter's start."""
    if any(name.startswith(commands.AT_START) for name in env or {}):
        return subprocess.run(
            [esdb_program(), *arguments],
            input=stdin, env=environment(url, env), cwd=cwd,
            capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT,
        )  # fmt: skip
    return run_module("esdb_cli", *arguments, url=url, stdin=stdin, env=env, cwd=cwd)


def run_module(
    module: str, *arguments: str, url: str | None, stdin: str = "", env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run a module of ours as a program on a database and wait for it."""
    return _commands.run(
        module, *arguments, stdin=stdin, environment=environment(url, env), cwd=cwd or Path.cwd(),
        timeout=COMMAND_TIMEOUT,
    )  # fmt: skip


def dump(url: str, bindir: Path, *options: str) -> str:
    """Give a database as pg_dump writes it."""
    command = [str(tools.client("pg_dump", bindir)), *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=COMMAND_TIMEOUT).stdout


def restore(dumped: str, url: str, bindir: Path) -> None:
    """Let psql run what dump() gave."""
    command = [str(tools.client("psql", bindir)), "-X", "-q", url]
    result = subprocess.run(
        command, input=dumped, capture_output=True, text=True, check=True, timeout=COMMAND_TIMEOUT
    )  # fmt: skip
    # a newer pg_dump sets what an older server does not know
    errors = [line for line in result.stderr.splitlines() if "ERROR" in line and "transaction_timeout" not in line]
    assert errors == []
