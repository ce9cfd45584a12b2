"""Fresh databases for tests, each a copy of a template made once."""

from __future__ import annotations

import itertools
import os
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from esdb_cli.server import LocalServer
from tests import tools

COMMAND_TIMEOUT = 120
"""Seconds after which a command run by a test counts as hanging."""


class Databases:
    """The databases of one server: created for a test, dropped after it."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    def empty(self) -> str:
        """Create an empty database and give its URL."""
        return self._create("template1")

    def migrated(self) -> str:
        """Create a database with the store and its partitions in it and give its URL."""
        return self._create(self._template("esdb_template", "template1", _migrate))

    def with_pgtap(self) -> str:
        """Create a database with the store and pgTAP in it and give its URL."""
        base = self._template("esdb_template", "template1", _migrate)
        return self._create(self._template("pgtap_template", base, tools.install_pgtap))

    def drop(self, url: str) -> None:
        """Drop a database with all that holds on to it: connections and prepared transactions."""
        name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            prepared = connection.execute("select gid from pg_prepared_xacts where database = %s", (name,)).fetchall()
            if prepared:
                _roll_back(url, [gid for (gid,) in prepared])
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _create(self, template: str, name: str | None = None) -> str:
        name = name or f"test_{next(self._numbers)}"
        statement = sql.SQL("create database {} template {}")
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.server.url(name)

    def _template(self, name: str, base: str, fill: Callable[[str], None]) -> str:
        """Make a template once. What failed is not tried again: the tests that need it tell the reason each."""
        if name not in self._templates:
            try:
                fill(self._create(base, name))
            except Exception as error:
                self._templates[name] = str(error)
                raise
            self._templates[name] = ""
        if self._templates[name]:
            raise RuntimeError(self._templates[name])
        return name


def _roll_back(url: str, gids: Sequence[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for gid in gids:
            connection.execute(sql.SQL("rollback prepared {}").format(sql.Literal(gid)))


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


def run_esdb(
    *arguments: str, url: str | None, stdin: str = "", env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the installed command on a database and wait for it."""
    return subprocess.run(
        [esdb_program(), *arguments],
        input=stdin, env=environment(url, env), cwd=cwd,
        capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT,
    )  # fmt: skip
