"""Every example of README.md, docs/ and examples/ works as it is written, and every link leads somewhere.

Each page has a database of its own, named shop, whose examples run from top to bottom: `sql` blocks in psql,
`console` blocks in a shell, and a `python` block becomes the file that its first line names. Output that is shown is
compared. Of a `yaml` block the commands have to exist, with their options. A page about installing starts with an empty
database, and one about dumps has a server as new as the clients; it says so in a comment. A page of examples/ is read
in a copy of its folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from esdb_cli.server import LocalServer
from tests import markdown, tools
from tests.databases import Databases, environment, run_esdb
from tests.fixtures import bindir
from tests.tools import ROOT

EMPTY = "<!-- examples: an empty database -->"
NEWEST = "<!-- examples: the newest server -->"
TIMEOUT = 120
GENERATED = ("reference", "decisions")
LANGUAGES = {"sql", "console", "python", "text", "ini", "crontab", "make", "yaml"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if page.relative_to(ROOT / "docs").parts[0] not in GENERATED
    ),
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "examples").glob("*/README.md")),
]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Reader:
    """A reader of a page, who types its examples in a folder of their own."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        programs = [sysconfig.get_path("scripts"), str(tools.client("psql", server.bindir).parent), os.environ["PATH"]]
        own = {
            "PATH": os.pathsep.join(programs),
            "PGHOST": str(server.folder),
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGDATABASE": "shop",
            "PGTZ": "UTC",
            "ESDB_DATABASE_URL": server.url("shop"),
        }
        self._environment = environment(None, own)
        self._background: list[subprocess.Popen[str]] = []

    def follow(self, block: markdown.Block) -> None:
        """Do what a block says."""
        match block.language:
            case "sql":
                self._sql(block)
            case "console":
                for command, expected in markdown.commands(block):
                    self._shell(command, expected)
            case "yaml":
                for command in re.findall(r"^ *command: (\[.*\])$", block.text, re.MULTILINE):
                    self._shell(shlex.join([*json.loads(command), "--help"]), "…")
            case "python":
                first, _, _ = block.text.partition("\n")
                assert re.fullmatch(r"# \w+\.py", first), f"a Python example names its file: {first}"
                (self._folder / first.removeprefix("# ")).write_text(block.text, encoding="utf-8")

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
        if command == "npm install":
            self._install_node_modules()
            return
        if command.endswith(" &"):
            self._start(command.removesuffix(" &"), expected)
            return
        if job := re.fullmatch(r"kill %(\d)", command):
            _stop(self._background[int(job[1]) - 1])
            return
        if command.startswith("make "):
            command, expected = f"make --dry-run --directory {ROOT} {command.removeprefix('make ')}", "…"
        result = self._run(["sh", "-c", command], "")
        fails = re.search(r"^(esdb|ERROR): ", expected, re.MULTILINE) is not None
        assert (result.returncode != 0) == fails, f"$ {command}\n{result.stdout}"
        _compare(expected, result.stdout)

    def _start(self, command: str, expected: str) -> None:
        """Start a command in the background and wait until it has said what is shown."""
        self._environment["PORT"] = str(_free_port())
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=self._folder, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        self._background.append(process)
        assert process.stdout is not None
        silence = threading.Timer(TIMEOUT, process.kill)
        silence.start()
        output = "".join(process.stdout.readline() for _ in expected.splitlines())
        silence.cancel()
        _compare(expected, output)

    def close(self) -> None:
        """End what the page started and did not stop."""
        for process in self._background:
            process.kill()
            process.communicate()

    def _install_node_modules(self) -> None:
        (self._folder / "node_modules").symlink_to(tools.node_modules(self._folder / "package.json"))
        (self._folder / "node").symlink_to(tools.node())
        self._environment["PATH"] = f"{self._folder}{os.pathsep}{self._environment['PATH']}"

    def _run(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=text, cwd=self._folder, env=self._environment, timeout=TIMEOUT, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop what runs in the background, as a shell's `kill` does."""
    assert process.poll() is None, "it has ended by itself"
    process.terminate()
    process.communicate(timeout=TIMEOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _compare(expected: str, actual: str) -> None:
    assert markdown.agrees(expected, actual), f"shown:\n{expected}\n\nbut it is:\n{actual}"


def _assert_installable(command: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if command.removeprefix("pip install ").strip("'") in project["dependencies"]:
        return
    wheel = f"dist/{project['name']}-{project['version']}-py3-none-any.whl"
    wanted = re.fullmatch(rf"pip install '?(?:\.|{re.escape(wheel)})(?:\[(\w+)\])?'?", command)
    assert wanted is not None, command
    assert wanted[1] in {None, *project["optional-dependencies"]}


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """The server with a page's database; the database goes after the test, with the roles that the page made."""
    page: Path = request.param
    text = page.read_text(encoding="utf-8")
    if EMPTY in text or NEWEST in text:
        # a cluster that has never seen the store: roles belong to the cluster
        programs = tools.newest_bindir() if NEWEST in text else bindir()
        server = request.getfixturevalue("new_server")(durable=False, bindir=programs)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create database shop")
        if NEWEST in text:
            assert run_esdb("migrate", url=server.url("shop")).returncode == 0
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
    if page.is_relative_to(ROOT / "examples"):
        shutil.copytree(page.parent, tmp_path, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
    with contextlib.closing(Reader(shop, tmp_path)) as reader:
        for block in markdown.blocks(page):
            assert block.language in LANGUAGES, f"{_name(page)}:{block.line}: a block says what it is"
            try:
                reader.follow(block)
            except AssertionError as error:
                raise AssertionError(f"{_name(page)}:{block.line}: {error}") from error


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in markdown.links(page):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in markdown.headings(file), link


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_files_that_are_named_exist(page: Path) -> None:
    """A page that says which test proves what, or where a source lies, must not outlive it."""
    for name in re.findall(r"`((?:tests|sql|tools|templates|benchmarks)/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in markdown.links(index)}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - {index} <= linked


def test_every_decision_is_in_its_index_under_its_title() -> None:
    decisions = ROOT / "docs" / "decisions"
    index = (decisions / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(\d{4})\]\((.+)\): (.+)$", index, re.MULTILINE)
    pages = sorted(decisions.glob("[0-9]*.md"))
    assert [(f"# {number}. {title}", name) for number, name, title in listed] == [
        (page.read_text(encoding="utf-8").partition("\n")[0], page.name) for page in pages
    ]


def test_a_wrong_output_is_noticed(tmp_path: Path, server: LocalServer) -> None:
    reader = Reader(server, tmp_path)
    reader.follow(markdown.Block("console", "$ echo 1\n1\n", 1))
    with pytest.raises(AssertionError, match="but it is"):
        reader.follow(markdown.Block("console", "$ echo 1\n2\n", 1))
    with pytest.raises(AssertionError, match="exit 1"):
        reader.follow(markdown.Block("console", "$ exit 1\n", 1))
    with pytest.raises(AssertionError, match="--no-such-option"):
        reader.follow(markdown.Block("yaml", 'command: ["esdb", "maintain", "--no-such-option"]\n', 1))
    with pytest.raises(AssertionError, match="shop"):
        reader.follow(markdown.Block("sql", "select 1;\n", 1, expected="1"))


def test_what_a_page_starts_in_the_background_ends_with_it(tmp_path: Path, server: LocalServer) -> None:
    service = "python -c 'import time; print(\"ready\", flush=True); time.sleep(1000)'"
    with contextlib.closing(Reader(server, tmp_path)) as reader:
        reader.follow(markdown.Block("console", f"$ {service} &\nready\n", 1))
        assert len(tools.processes_in(tmp_path)) == 1
        with pytest.raises(AssertionError, match="but it is"):
            reader.follow(markdown.Block("console", "$ echo 1 &\n2\n", 1))
        reader._background[1].wait(TIMEOUT)
        with pytest.raises(AssertionError, match="by itself"):
            reader.follow(markdown.Block("console", "$ kill %2\n", 1))
    assert tools.processes_in(tmp_path) == []


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
