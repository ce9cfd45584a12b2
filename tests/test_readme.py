"""Every example of the README and of docs/ works as it is written, and every link leads somewhere.

Each page has a database of its own, named shop, whose examples run from top to bottom: `sql` blocks in psql,
`console` blocks in a shell, and a `python` block becomes the file that its first line names. Output that is shown is
compared. A page about installing starts with an empty database; it says so in a comment.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from esdb_cli.server import LocalServer
from tests import markdown, tools
from tests.databases import Databases, environment
from tests.fixtures import bindir
from tests.tools import ROOT

EMPTY = "<!-- examples: an empty database -->"
TIMEOUT = 120
GENERATED = ("reference", "decisions")
LANGUAGES = {"sql", "console", "python", "text", "ini", "crontab", "make"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if page.relative_to(ROOT / "docs").parts[0] not in GENERATED
    ),
]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Reader:
    """A reader of a page, who types its examples in a folder of their own."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        programs = [sysconfig.get_path("scripts"), str(tools.client("psql", bindir()).parent), os.environ["PATH"]]
        own = {
            "PATH": os.pathsep.join(programs),
            "PGHOST": str(server.folder),
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGDATABASE": "shop",
            "PGTZ": "UTC",
            "ESDB_PG_BINDIR": str(bindir()),
            "ESDB_DATABASE_URL": server.url("shop"),
        }
        self._environment = environment(None, own)

    def follow(self, block: markdown.Block) -> None:
        """Do what a block says."""
        match block.language:
            case "sql":
                self._sql(block)
            case "console":
                for command, expected in markdown.commands(block):
                    self._shell(command, expected)
            case "python":
                first, _, _ = block.text.partition("\n")
                assert re.fullmatch(r"# \w+\.py", first), f"a Python example names its file: {first}"
                (self._folder / first.removeprefix("# ")).write_text(block.text, encoding="utf-8")

    def leave(self) -> None:
        """End the server that `esdb --local` started, where an example that failed left it running."""
        if (self._folder / ".esdb").exists():
            self._run(["esdb", "local", "destroy", "--yes"], "")

    def _sql(self, block: markdown.Block) -> None:
        output = self._run(["psql", "-X", "-q", "-v", "SHOW_CONTEXT=never"], block.text).stdout
        if block.expected is not None:
            _compare(block.expected, output)
        else:
            assert "ERROR:" not in output, output

    def _shell(self, command: str, expected: str) -> None:
        if user := re.fullmatch(r"export ESDB_DATABASE_URL=postgresql://(\w+)@localhost/shop", command):
            self._environment["ESDB_DATABASE_URL"] = self._server.url("shop", user=user[1])
            return
        if command.startswith("pip install "):
            _assert_installable(command)
            return
        if command.startswith("make "):
            command, expected = f"make --dry-run --directory {ROOT} {command.removeprefix('make ')}", "…"
        result = self._run(["sh", "-c", command], "")
        fails = re.search(r"^(esdb|ERROR): ", expected, re.MULTILINE) is not None
        assert (result.returncode != 0) == fails, f"$ {command}\n{result.stdout}"
        _compare(expected, result.stdout)

    def _run(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=text, cwd=self._folder, env=self._environment, timeout=TIMEOUT, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip


def _compare(expected: str, actual: str) -> None:
    assert markdown.agrees(expected, actual), f"shown:\n{expected}\n\nbut it is:\n{actual}"


def _assert_installable(command: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel = f"dist/{project['name']}-{project['version']}-py3-none-any.whl"
    wanted = re.fullmatch(rf"pip install '?(?:\.|{re.escape(wheel)})(?:\[(\w+)\])?'?", command)
    assert wanted is not None, command
    assert wanted[1] in {None, *project["optional-dependencies"]}


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """The server with a page's database; the database goes after the test, with the roles that the page made."""
    page: Path = request.param
    if EMPTY in page.read_text(encoding="utf-8"):
        # a cluster that has never seen the store: roles belong to the cluster
        server = request.getfixturevalue("new_server")(durable=False)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create database shop")
        yield server
        return
    databases: Databases = request.getfixturevalue("databases")
    made = str(psycopg.conninfo.conninfo_to_dict(databases.migrated())["dbname"])
    with psycopg.connect(databases.server.url(), autocommit=True) as connection:
        before = _roles(connection)
        connection.execute(sql.SQL("alter database {} rename to shop").format(sql.Identifier(made)))
        yield databases.server
        databases.drop(databases.server.url("shop"))
        for role in _roles(connection) - before:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def _roles(connection: psycopg.Connection[tuple[str]]) -> set[str]:
    return {name for (name,) in connection.execute("select rolname from pg_roles")}


@pytest.mark.parametrize(("page", "shop"), [(page, page) for page in PAGES], ids=map(_name, PAGES), indirect=["shop"])
def test_examples_work_as_written(page: Path, shop: LocalServer, tmp_path: Path) -> None:
    reader = Reader(shop, tmp_path)
    try:
        for block in markdown.blocks(page):
            assert block.language in LANGUAGES, f"{_name(page)}:{block.line}: a block says what it is"
            try:
                reader.follow(block)
            except AssertionError as error:
                raise AssertionError(f"{_name(page)}:{block.line}: {error}") from error
    finally:
        reader.leave()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in markdown.links(page):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in markdown.headings(file), link


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in markdown.links(index)}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - {index} <= linked


def test_a_wrong_output_is_noticed(tmp_path: Path, server: LocalServer) -> None:
    reader = Reader(server, tmp_path)
    reader.follow(markdown.Block("console", "$ echo 1\n1\n", 1))
    with pytest.raises(AssertionError, match="but it is"):
        reader.follow(markdown.Block("console", "$ echo 1\n2\n", 1))
    with pytest.raises(AssertionError, match="exit 1"):
        reader.follow(markdown.Block("console", "$ exit 1\n", 1))
    with pytest.raises(AssertionError, match="shop"):
        reader.follow(markdown.Block("sql", "select 1;\n", 1, expected="1"))


def test_output_is_compared_without_what_differs_from_run_to_run() -> None:
    assert markdown.agrees(
        " id | at\n----+----\n 01M7XZ916N10BS6Y8FXNY8PKTX | 2026-11-21 02:34:28.437503+00\n",
        "  id   |   at  \n-------+----\n 01M7XZ916X2MF1GQTFNF3RYB89 | 2027-01-01 00:00:00+00\n",
    )
    assert markdown.agrees("a\n…\nz", "a\nb\nc\nz")
    assert markdown.agrees("events_note_y2026m11", "events_note_y2027m01")
    assert not markdown.agrees("a\n…\nz", "a\nb")
    assert not markdown.agrees("1 | 2", "1 | 3")
    assert not markdown.agrees("version 1", "version 1\nmore")


def test_the_python_of_the_examples_is_the_one_under_test(tmp_path: Path, server: LocalServer) -> None:
    block = f"$ python -c 'import sys; print(sys.prefix)'\n{sys.prefix}\n"
    Reader(server, tmp_path).follow(markdown.Block("console", block, 1))
