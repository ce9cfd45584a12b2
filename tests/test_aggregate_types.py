"""`esdb aggregate-types`: where new streams of a type belong."""

from __future__ import annotations

import json

import psycopg
import pytest
from psycopg import sql

from tests.feed_support import call, value
from tests.fixtures import Connection, Esdb
from tests.test_cli import HOSTILE_NAMES


def test_types_are_set_listed_changed_and_removed(db: Connection, esdb: Esdb) -> None:
    assert json.loads(esdb("aggregate-types", "list", "--json").stdout) == []
    result = esdb("aggregate-types", "set", "page", "--context", "note", "--group", "m")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert "page" in result.stderr
    page = {
        "aggregate_type": "page", "bounded_context": "n", "bounded_context_name": "note",
        "group_context": "m", "group_context_name": "m",
    }  # fmt: skip
    assert json.loads(esdb("aggregate-types", "list", "--json").stdout) == [page]
    db.execute("select esdb.append_event('old', 'T', '{}', aggregate_type => 'page')")

    assert esdb("aggregate-types", "set", "page", "--context", "b", "--group", "c").returncode == 0
    assert "bookmark" in esdb("aggregate-types", "list").stdout
    db.execute("select esdb.append_event('old', 'T', '{}', aggregate_type => 'page')")
    db.execute("select esdb.append_event('new', 'T', '{}', aggregate_type => 'page')")
    contexts = "select bounded_context || group_context from esdb.get_stream_info(%s)"
    assert [value(db, contexts, (stream,)) for stream in ("old", "new")] == ["nm", "bc"]

    assert esdb("aggregate-types", "remove", "page").returncode == 0
    assert esdb("aggregate-types", "list", "--json").stdout == "[]\n"
    again = esdb("aggregate-types", "remove", "page")
    assert (again.returncode, again.stderr) == (1, "esdb: the aggregate type 'page' is not registered\n")


def test_a_dry_run_prints_what_would_be_done(db: Connection, esdb: Esdb) -> None:
    arguments = ("it's", "--context", "bookmark", "--group", "m")
    shown = esdb("aggregate-types", "set", *arguments, "--dry-run")
    assert shown.returncode == 0
    assert value(db, "select count(*) from esdb.aggregate_types") == 0
    db.execute(shown.stdout)
    assert db.execute("select * from esdb.aggregate_types").fetchall() == [("it's", "b", "m")]
    shown = esdb("aggregate-types", "remove", "it's", "--dry-run")
    assert value(db, "select count(*) from esdb.aggregate_types") == 1
    db.execute(shown.stdout)
    assert value(db, "select count(*) from esdb.aggregate_types") == 0


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_types_of_any_characters(db: Connection, esdb: Esdb, name: str) -> None:
    result = esdb("aggregate-types", "set", "--context", "n", "--group", "m", "--", name)
    assert result.returncode == 0, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert value(db, "select aggregate_type from esdb.aggregate_types") == name
    assert len(esdb("aggregate-types", "list").stdout.splitlines()) == 3
    call(db, "append_event", aggregate_id="s", event_type="T", payload="{}", aggregate_type=name)
    assert value(db, "select aggregate_type from esdb.get_stream_info('s')") == name
    assert esdb("aggregate-types", "remove", "--", name).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("", "--context", "n", "--group", "m"), "SE009"),
        (("x" * 256, "--context", "n", "--group", "m"), "SE009"),
        (("t", "--context", "x", "--group", "m"), "SE005"),
        (("t", "--context", "n", "--group", "gate"), "SE005"),
        (("t", "--context", "' or true --", "--group", "m"), "SE005"),
    ],
)
def test_what_is_refused(db: Connection, esdb: Esdb, arguments: tuple[str, ...], code: str) -> None:
    result = esdb("aggregate-types", "set", *arguments)
    assert result.returncode == 1
    assert f"({code})" in result.stderr
    assert value(db, "select count(*) from esdb.aggregate_types") == 0


def test_context_and_group_are_needed(esdb: Esdb) -> None:
    assert esdb("aggregate-types", "set", "t", "--context", "n").returncode == 2
    assert esdb("aggregate-types", "set", "t", "--group", "m").returncode == 2


@pytest.mark.parametrize(("role", "may"), [("reader", False), ("writer", False), ("maintainer", True)])
def test_rights(db: Connection, esdb: Esdb, db_url: str, role: str, may: bool) -> None:
    name = f"types_{role}"
    db.execute(sql.SQL("create role {} login in role {}").format(sql.Identifier(name), sql.Identifier(f"esdb_{role}")))
    try:
        url = psycopg.conninfo.make_conninfo(db_url, user=name)
        assert esdb("aggregate-types", "list", url=url).returncode == 0
        result = esdb("aggregate-types", "set", "t", "--context", "n", "--group", "m", url=url)
        assert (result.returncode == 0) == may, result.stderr
        assert value(db, "select count(*) from esdb.aggregate_types") == int(may)
        db.execute("select esdb.set_aggregate_type('t', 'n', 'm')")
        assert (esdb("aggregate-types", "remove", "t", url=url).returncode == 0) == may
    finally:
        db.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
