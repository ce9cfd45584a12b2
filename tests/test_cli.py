"""The command line: append, read, info, help, errors and exit codes."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner, Result

from esdb_cli import main
from esdb_cli.db import connect
from esdb_cli.exceptions import VersionConflict
from esdb_cli.output import printable
from tests.databases import environment, esdb_program, start_esdb
from tests.fixtures import Connection, Esdb

NEW = ("--context", "b", "--group", "m")
HOSTILE_NAMES = [
    "it's",
    'say "hello"',
    "'; drop table esdb.events; --",
    "two\nlines",
    "tab\tand\x1b[31mred",
    "back\\slash",
    "percent %s %(x)s %%",
    "$1 :name {brace}",
    "日本語 ünï 🎉",
    "\u202eright to left",
    "x" * 255,
    "🎉" * 255,
    " ",
]


Run = Callable[..., Result]


@pytest.fixture
def run(db_url: str) -> Run:
    """Runs the command in this process, on the test's database."""

    def invoke(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main.cli, arguments, input=stdin, env={"ESDB_DATABASE_URL": db_url})

    return invoke


def events(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.split("\n") if line]


def test_append_read_and_info_tell_the_same(esdb: Esdb) -> None:
    appended = esdb("append", "order-1", "Placed", '{"total": 8997}', *NEW, "--expected-version", "0", "--json")
    assert appended.returncode == 0, appended.stderr
    (result,) = events(appended.stdout)
    assert result["version"] == 1
    (event,) = events(esdb("read", "order-1", "--json").stdout)
    assert {key: event[key] for key in ("id", "version", "position")} == {
        key: result[key] for key in ("id", "version", "position")
    }
    assert event["payload"] == {"total": 8997}
    assert list(event)[:3] == ["position", "id", "bounded_context"]
    assert "Placed" in esdb("read", "order-1").stdout
    shown = json.loads(esdb("info", "order-1", "--json").stdout)
    assert (shown["aggregate_id"], shown["version"], shown["bounded_context"]) == ("order-1", 1, "b")
    assert "order-1" in esdb("info", "order-1").stdout


def test_every_option_of_append_arrives(esdb: Esdb) -> None:
    result = esdb(
        "append", "order-1", "Placed", "{}", *NEW, "--feature", "c", "--action", "place", "--aggregate-type", "order",
        "--metadata", '{"user_id": "u"}', "--id", "my-id", "--schema-version", "3",
        "--occurred-at", "2020-02-02T00:00:00Z", "--idempotency-key", "k",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (event,) = events(esdb("read", "order-1", "--json").stdout)
    expected = {
        "id": "my-id", "bounded_context": "b", "group_context": "m", "feature_context": "c", "action_type": "place",
        "aggregate_type": "order", "metadata": {"user_id": "u"}, "schema_version": 3,
    }  # fmt: skip
    assert {key: event[key] for key in expected} == expected
    assert str(event["occurred_at"]).startswith("2020-02-0")
    again = esdb("append", "order-1", "Placed", "{}", "--idempotency-key", "k", "--json")
    assert events(again.stdout)[0]["id"] == "my-id"


@pytest.mark.parametrize("arguments", [["-"], []])
def test_the_payload_comes_from_stdin_and_no_number_is_rounded(esdb: Esdb, arguments: list[str]) -> None:
    payload = '{"n": 12345678901234567890.12345678901234567890}'
    assert esdb("append", "a", "Made", *arguments, *NEW, stdin=payload).returncode == 0
    output = esdb("read", "a", "--json").stdout
    assert payload in output


@pytest.mark.parametrize(
    "batch",
    [
        '[{"event_type": "A", "payload": {}}, {"event_type": "B", "payload": {"x": "\u2028"}}]',
        '{"event_type": "A", "payload": {}}\n\n{"event_type": "B", "payload": {"x": "\u2028"}}\n',
    ],
)
def test_a_batch_is_an_array_or_an_object_a_line(esdb: Esdb, batch: str) -> None:
    result = esdb("append", "a", "--batch", *NEW, "--json", stdin=batch)
    assert result.returncode == 0, result.stderr
    assert [row["version"] for row in events(result.stdout)] == [1, 2]
    assert [event["event_type"] for event in events(esdb("read", "a", "--json").stdout)] == ["A", "B"]


def test_dry_run_prints_sql_that_does_what_append_does(db: Connection, esdb: Esdb) -> None:
    arguments = ("append", "it's", "Made", '{"a": "\\\\ \' %"}', *NEW)
    script = esdb(*arguments, "--dry-run")
    assert script.returncode == 0
    assert events(esdb("read", "--all", "--json").stdout) == []
    assert db.execute(script.stdout).fetchall()[0][1] == 1
    assert events(esdb("read", "it's", "--json").stdout)[0]["payload"] == {"a": "\\ ' %"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["append", "a"], "", "Missing argument 'TYPE'"),
        (["append", "a", "T", "{"], "", "PAYLOAD is not JSON"),
        (["append", "a", "T", "{}", "--metadata", "x"], "", "--metadata is not JSON"),
        (["append", "a", "--batch"], "{}\n{", "line 2 of the batch is not JSON"),
        (["append", "a", "T", "--batch"], "[]", "With --batch each event says for itself: TYPE"),
        (["read"], "", "Give either STREAM or --all"),
        (["read", "a", "--all"], "", "Give either STREAM or --all"),
        (["read", "a", "--after", "0"], "", "--after: only for --all"),
        (["read", "a", "--type", "T"], "", "--type: only for --all"),
        (["read", "--all", "--from", "0"], "", "--from: only for a stream"),
        (["read", "--all", "--include-deleted"], "", "--include-deleted: only for a stream"),
        (["nonsense"], "", "No such command"),
        (["migrate", "--wait", "-1"], "", "--wait"),
    ],
)
def test_a_wrong_usage_is_exit_2(run: Run, arguments: list[str], stdin: str, message: str) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_an_error_of_the_store_is_named_with_detail_and_hint(esdb: Esdb) -> None:
    esdb("append", "a", "Made", "{}", *NEW)
    result = esdb("append", "a", "Made", "{}", *NEW, "--expected-version", "0")
    assert result.returncode == 1
    first, detail, hint = result.stderr.splitlines()
    assert first.startswith("esdb: version conflict: ")
    assert first.endswith(" (SE001)")
    assert json.loads(detail.removeprefix("detail: "))["actual"] == 1
    assert hint.startswith("hint: ")


def test_a_stream_that_is_not_there(esdb: Esdb) -> None:
    result = esdb("info", "nobody")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "esdb: there is no stream 'nobody'\n")


def test_hostile_names_arrive_as_they_are(run: Run) -> None:
    for name in HOSTILE_NAMES:
        result = run("append", *NEW, "--", name, name, json.dumps({name: name}))
        assert result.exit_code == 0, result.stderr
        (event,) = events(run("read", "--json", "--", name).stdout)
        assert (event["aggregate_id"], event["event_type"], event["payload"]) == (name, name, {name: name})
        assert json.loads(run("info", "--json", "--", name).stdout)["aggregate_id"] == name
    assert [event["aggregate_id"] for event in events(run("read", "--all", "--json").stdout)] == HOSTILE_NAMES


def test_no_name_breaks_a_line_or_steers_the_terminal(run: Run) -> None:
    for name in HOSTILE_NAMES:
        run("append", *NEW, "--", name, "Made", json.dumps({name: name}))
    # a heading, a rule and a line for each
    lines = run("read", "--all").stdout.split("\n")
    assert len(lines) == len(HOSTILE_NAMES) + 3
    missing = run("info", "two\nlines\x1b[31m").stderr.split("\n")
    assert len(missing) == 2
    assert all(line.isprintable() for line in lines + missing)


@pytest.mark.parametrize("name", ["🎉 it's\n\x1b", "-"])
def test_a_hostile_name_comes_through_the_shell(esdb: Esdb, name: str) -> None:
    assert esdb("append", *NEW, "--", name, "Made", "{}").returncode == 0
    assert [event["aggregate_id"] for event in events(esdb("read", "--json", "--", name).stdout)] == [name]


def test_an_argument_that_is_no_text_is_refused(db_url: str) -> None:
    result = subprocess.run(
        [esdb_program(), "info", b"\xff\xfe"], env=environment(db_url), capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "not valid UTF-8" in result.stderr


def batch_of(count: int) -> str:
    return "\n".join(json.dumps({"event_type": f"T{n % 2}", "payload": {"n": n}}) for n in range(count))


@pytest.fixture
def two_thousand(esdb: Esdb) -> None:
    """Two streams, so many events that no reader has them all on one page."""
    assert esdb("append", "long", "--batch", *NEW, stdin=batch_of(1900)).returncode == 0
    assert esdb("append", "short", "--batch", "--context", "n", "--group", "c", stdin=batch_of(100)).returncode == 0


@pytest.mark.usefixtures("two_thousand")
def test_reads_page_through_everything(run: Run) -> None:
    def read(*arguments: str) -> list[dict[str, object]]:
        result = run("read", *arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return events(result.stdout)

    everything = read("--all")
    positions = [event["position"] for event in everything]
    assert len(positions) == 2000
    assert positions == sorted(set(positions))  # type: ignore[type-var]
    assert read("--all", "--backward") == everything[::-1]
    assert read("--all", "--limit", "1500") == everything[:1500]
    assert read("--all", "--after", str(positions[9]), "--up-to", str(positions[19])) == everything[10:20]
    assert read("--all", "--backward", "--limit", "1", "--after", str(positions[9])) == everything[-1:]
    assert read("--all", "--type", "T1") == [event for event in everything if event["event_type"] == "T1"]
    assert read("--all", "--type", "T1", "--type", "T0") == everything
    assert read("--all", "--context", "n", "--group", "c", "--feature", "u", "--feature", "c") == everything[1900:]

    stream = read("long")
    assert stream == everything[:1900]
    assert read("long", "--backward") == stream[::-1]
    assert read("long", "--from", "5", "--to", "1500") == stream[4:1500]
    assert read("long", "--backward", "--from", "5", "--to", "1500") == stream[4:1500][::-1]
    assert read("long", "--max-count", "1001") == stream[:1001]
    assert read("long", "--as-of", "2000-01-01T00:00:00Z") == []
    assert read("nobody") == []


@pytest.mark.usefixtures("two_thousand")
@pytest.mark.parametrize("form", [["--json"], []])
def test_a_closed_pipe_ends_it_quietly(db_url: str, form: list[str]) -> None:
    process = subprocess.Popen(
        [esdb_program(), "read", "--all", *form],
        env=environment(db_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 141


@pytest.mark.usefixtures("two_thousand")
def test_a_full_disk_is_one_line(db_url: str) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [esdb_program(), "read", "--all", "--json"],
            env=environment(db_url),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (result.returncode, result.stderr) == (1, "esdb: No space left on device\n")


def test_ctrl_c_ends_it_with_130(db: Connection, db_url: str) -> None:
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(1702061154, 1)")
        with psycopg.connect(db_url, autocommit=True) as other:
            other.execute("delete from esdb_meta.checksums where kind = 'repeatable'")
        process = start_esdb("migrate", url=db_url)
        waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while db.execute(waits).fetchone() == (0,):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 130


def test_refresh_stats(db: Connection, esdb: Esdb) -> None:
    esdb("append", "a", "Made", "{}", *NEW)
    result = esdb("refresh-stats")
    assert result.returncode == 0, result.stderr
    assert db.execute("select count(*) from esdb.event_statistics").fetchone() != (0,)


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
from esdb_cli.main import cli
cli(["--help"], standalone_mode=False)
print(sorted({"psycopg", "yoyo", "jinja2", "importlib.metadata"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    for name in main.COMMANDS:
        assert f"  {name} " in result.stdout


@pytest.mark.parametrize("name", sorted(main.COMMANDS))
def test_the_table_of_commands_says_what_the_commands_say(name: str) -> None:
    module, _, attribute = main.COMMANDS[name].target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str(200) == main.COMMANDS[name].help


def test_the_module_is_the_command_too(esdb: Esdb) -> None:
    result = esdb("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("esdb 0.")
    module = subprocess.run([sys.executable, "-m", "esdb_cli", "--version"], capture_output=True, text=True, check=True)
    assert module.stdout == result.stdout


def test_an_error_of_the_catalogue_is_raised_as_its_class(db_url: str) -> None:
    with connect(db_url) as connection:
        codes = connection.execute("select code from esdb.error_codes()").fetchall()
        assert {psycopg.errors.lookup(code).__module__ for (code,) in codes} == {"esdb_cli.exceptions"}
        with pytest.raises(VersionConflict):
            connection.execute(
                "select esdb.append_event('a', 'T', '{}', bounded_context => 'b', expected_version => 7)"
            )


def test_printable_text_keeps_its_letters() -> None:
    assert printable("é日🎉 x") == "é日🎉 x"
    assert printable("a\nb\x1b[0m\u202e") == "a\\nb\\x1b[0m\\u202e"
    assert printable(None) == ""


def test_resources_are_found_from_anywhere(esdb: Esdb, tmp_path: Path) -> None:
    assert esdb("status", "--check", cwd=tmp_path, env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")}).returncode == 0
