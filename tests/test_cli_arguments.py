"""The command line: arguments that the server could not take, and hints that only the command can give."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from esdb_cli import main
from esdb_cli.db import connect
from esdb_cli.partitions import partitions
from tests.databases import run_esdb
from tests.fixtures import Connection, Esdb

NOWHERE = "postgresql://nobody@/nowhere?host=/nonexistent"
DEEP = '{"a":' * 5000 + "{}" + "}" * 5000
MAX = 2**63 - 1
HUGE = "9" * 22
NO_STORE = "hint: run `esdb migrate`"
NOT_ALLOWED = (
    "hint: members of esdb_reader may read; of esdb_writer also append, delete, restore and save snapshots;"
    " of esdb_consumer work on subscriptions; of esdb_maintainer read, change settings, clean up and verify;"
    " what makes or alters tables and contexts is the store's owner's"
)


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main.cli, arguments, input=stdin, env={"ESDB_DATABASE_URL": NOWHERE})


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["append", "a", "T", DEEP], "", "PAYLOAD is nested too deeply"),
        (["append", "a", "T", "-"], DEEP, "PAYLOAD is nested too deeply"),
        (["append", "a", "T", "{}", "--metadata", DEEP], "", "--metadata is nested too deeply"),
        (["append", "a", "--batch"], f"[{DEEP}]", "the batch is nested too deeply"),
        (["append", "a", "--batch"], f"{{}}\n{DEEP}", "line 2 of the batch is nested too deeply"),
        (["append", "a", "T", "{}", "--schema-version", "99999999999"], "", "'--schema-version': 99999999999"),
        (["append", "a", "T", "{}", "--schema-version", "32768"], "", "'--schema-version': 32768"),
        (["append", "a", "T", "{}", "--schema-version", "0"], "", "'--schema-version': 0"),
        (["append", "a", "T", "{}", "--expected-version", HUGE], "", f"'--expected-version': {HUGE}"),
        (["append", "a", "T", "{}", "--expected-version", f"-{HUGE}"], "", f"'--expected-version': -{HUGE}"),
        (["append", "a", "T", "{}", "--expected-version", "x"], "", "'--expected-version': 'x'"),
        (["append", "a", "T", "{}", "--occurred-at", "foo"], "", "'--occurred-at': 'foo' is not a time"),
        (["read", "a", "--from", str(MAX + 1)], "", f"'--from': {MAX + 1}"),
        (["read", "a", "--to", HUGE], "", f"'--to': {HUGE}"),
        (["read", "a", "--as-of", "garbage"], "", "'--as-of': 'garbage' is not a time"),
        (["read", "--all", "--after", HUGE], "", f"'--after': {HUGE}"),
        (["read", "--all", "--up-to", HUGE], "", f"'--up-to': {HUGE}"),
        (["read", "--all", "--max-count", "2147483648"], "", "2147483648"),
        (["partitions", "create-next", "--dry-run", "--json"], "", "either --dry-run or --json"),
    ],
    ids=range(19),
)
def test_what_the_server_could_not_take_is_exit_2(arguments: list[str], stdin: str, message: str) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_the_largest_numbers_reach_the_store(esdb: Esdb) -> None:
    """What it makes of them is its own affair: an answer, or an error of its catalogue."""
    new = ("--context", "b", "--group", "m")
    for number in (MAX, -MAX):
        for options in (("a", "--from"), ("a", "--to"), ("--all", "--after"), ("--all", "--up-to")):
            result = esdb("read", *options, str(number))
            assert result.returncode == 0 or "(SE0" in result.stderr.splitlines()[0], result.stderr
    assert esdb("read", "a", "--max-count", "2147483647").returncode == 0
    assert esdb("append", "a", "T", "{}", *new, "--schema-version", "32767").returncode == 0
    assert "(SE001)" in esdb("append", "a", "T", "{}", "--expected-version", str(MAX)).stderr


@pytest.mark.parametrize(
    "time", ["2026-11-21T09:00:00Z", "2026-11-21 09:00:00.123456+02", "20261121T0900", "2026-11-21"]
)
def test_a_time_is_read_by_the_server_as_it_was_written(esdb: Esdb, time: str) -> None:
    assert f"'{time}'::timestamptz" in run("append", "a", "T", "{}", "--occurred-at", time, "--dry-run").stdout
    assert esdb("read", "a", "--as-of", time).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ["info", "a"],
        ["read", "a"],
        ["read", "--all"],
        ["append", "a", "T", "{}"],
        ["refresh-stats"],
        ["partitions", "list"],
        ["partitions", "create-next"],
    ],
    ids=" ".join,
)
def test_a_database_without_the_store_says_migrate(empty_db: Connection, empty_db_url: str, command: list[str]) -> None:
    missing = run_esdb(*command, url=empty_db_url)
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1] == NO_STORE
    # of an older version, without this function or view
    empty_db.execute("create schema esdb")
    older = run_esdb(*command, url=empty_db_url)
    assert older.returncode == 1
    assert older.stderr.splitlines()[-1] == NO_STORE


def test_a_role_without_rights_is_told_which_have_them(db: Connection, db_url: str) -> None:
    role = f"nobody_of_{db.info.dbname}"
    name = sql.Identifier(role)
    db.execute(sql.SQL("create role {} login").format(name))
    try:
        url = psycopg.conninfo.make_conninfo(db_url, user=role)
        for command in (["info", "a"], ["read", "--all"], ["partitions", "create-next"], ["verify"]):
            refused = run_esdb(*command, url=url)
            assert refused.returncode == 1, command
            first, hint = refused.stderr.splitlines()
            assert first.startswith("esdb: permission denied for ")
            assert hint == NOT_ALLOWED
        db.execute(sql.SQL("grant esdb_reader to {}").format(name))
        refused = run_esdb("refresh-stats", url=url)
        assert refused.stderr == f"esdb: permission denied for function refresh_event_statistics\n{NOT_ALLOWED}\n"
        assert run_esdb("info", "a", url=url).stderr == "esdb: there is no stream 'a'\n"
    finally:
        db.execute(sql.SQL("drop role {}").format(name))


def test_refresh_stats_shows_its_sql(db_url: str) -> None:
    shown = run("refresh-stats", "--dry-run")
    assert (shown.exit_code, shown.stdout) == (0, "select esdb.refresh_event_statistics();\n")
    with connect(db_url) as connection:
        connection.execute(shown.stdout)


def test_no_command_of_partitions_has_its_help_cut() -> None:
    shown = run("partitions", "--help").stdout
    for name, command in partitions.commands.items():
        line = next(line for line in shown.splitlines() if line.startswith(f"  {name} "))
        assert not line.endswith("...")
        assert command.get_short_help_str(200) in line


def test_a_file_that_cannot_be_made_is_an_error_like_any_other(esdb: Esdb, tmp_path: Path) -> None:
    path = tmp_path / "none" / "events.ndjson"
    result = esdb("export", str(path))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"esdb: cannot open {path}: No such file or directory\n"
