"""A database whose settings change how the server reads literals and writes out names: nothing works differently."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from esdb_cli.render import render
from tests.databases import Databases, run_esdb
from tests.feed_clock import month_after, utc
from tests.feed_support import append, value
from tests.fixtures import Connection, Esdb

SETTINGS = ("standard_conforming_strings = off", "quote_all_identifiers = on")


def set_for_all(connection: Connection, setting: str) -> None:
    """Make a setting every later session's of this database."""
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("alter database {} set ").format(database) + sql.SQL(setting))


@pytest.fixture(params=SETTINGS)
def setting(request: pytest.FixtureRequest, db: Connection) -> str:
    """One of the settings; the test's database, whose store was made without it, has it for every later session."""
    set_for_all(db, request.param)
    return str(request.param)


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """The URL of an empty database."""
    url = databases.empty()
    yield url
    databases.drop(url)


def succeeds(esdb: Esdb, *arguments: str) -> str:
    """Give what a command that must succeed prints."""
    result = esdb(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("setting", SETTINGS, indirect=False)
def test_a_store_made_with_a_setting_is_sound_with_it_and_without(empty: str, setting: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        set_for_all(connection, setting)
        for command in (["migrate"], ["partitions", "create-next"], ["indexes", "enable", "correlation"]):
            result = run_esdb(*command, url=empty)
            assert result.returncode == 0, result.stderr
        assert run_esdb("verify", url=empty).stdout == "ok\n"
        connection.execute(sql.SQL("alter database {} reset all").format(sql.Identifier(connection.info.dbname)))
        assert run_esdb("verify", url=empty).stdout == "ok\n"
        assert run_esdb("migrate", url=empty).stderr == "up to date\n"


@pytest.mark.usefixtures("setting")
def test_a_store_made_without_it_is_sound_with_it(esdb: Esdb) -> None:
    assert esdb("migrate").stderr == "up to date\n"
    assert succeeds(esdb, "verify") == "ok\n"


def all_into_the_overflow(connection: Connection) -> None:
    """Take the months of the context b away: its events go into the overflow from now on."""
    for (leaf,) in connection.execute("select partition from esdb.partitions where bounded_context = 'b'").fetchall():
        connection.execute(sql.SQL("drop table esdb.{}").format(sql.Identifier(leaf)))
    now = datetime.now(UTC)
    variables = {
        "context_name": "bookmark",
        "partition": "events_bookmark_overflow",
        "overflow": "events_bookmark_overflow",
        "lower_bound": month_after(utc(now.year, now.month), -1),
        "upper_bound": None,
        "optional_indexes": value(connection, "select esdb._leaf_indexes()"),
    }
    connection.execute(sql.SQL(render("create_overflow", variables)))


@pytest.mark.usefixtures("setting")
def test_a_used_overflow_becomes_a_partition(db: Connection, esdb: Esdb) -> None:
    all_into_the_overflow(db)
    append(db, "s", bounded_context="b")
    assert succeeds(esdb, "verify") == "ok\n"
    made = json.loads(succeeds(esdb, "partitions", "create-next", "--json"))
    assert "attach_span" in [step["action"] for step in made]
    listed = json.loads(succeeds(esdb, "partitions", "list", "--context", "b", "--json"))
    assert [row["kind"] for row in listed] == ["span", "overflow"]
    months = json.loads(succeeds(esdb, "partitions", "list", "--context", "n", "--json"))
    assert {row["kind"] for row in months} == {"month", "overflow"}
    assert json.loads(succeeds(esdb, "partitions", "create-next", "--json")) == []
    assert succeeds(esdb, "verify") == "ok\n"


@pytest.mark.usefixtures("setting")
def test_a_context_is_added(db: Connection, esdb: Esdb) -> None:
    succeeds(esdb, "contexts", "add", "zz", "zoo", "--kind", "bounded")
    succeeds(esdb, "contexts", "add", "8", "odd", "--kind", "feature", "--action", "a\\'b")
    assert value(db, "select action_type from esdb.feature_contexts where code = '8'") == "a\\'b"
    assert succeeds(esdb, "verify") == "ok\n"


@pytest.mark.usefixtures("setting")
@pytest.mark.parametrize("name", ["correlation", "streams"])
def test_an_optional_index_is_enabled_and_disabled(esdb: Esdb, name: str) -> None:
    def listed() -> tuple[str, bool]:
        row = next(row for row in json.loads(succeeds(esdb, "indexes", "list", "--json")) if row["name"] == name)
        return row["state"], row["tables"] == row["tables_with_it"]

    succeeds(esdb, "indexes", "enable", name)
    assert listed() == ("on", True)
    assert succeeds(esdb, "verify") == "ok\n"
    assert esdb("indexes", "enable", name).stderr == f"nothing to do: {name} is on\n"
    assert esdb("indexes", "disable", name).stderr.endswith(f"\n{name} is off\n")
    assert listed() == ("off", False)
    assert succeeds(esdb, "verify") == "ok\n"


@pytest.mark.usefixtures("setting")
def test_a_wrong_append_of_several_is_named_with_its_place(db_url: str) -> None:
    with psycopg.connect(db_url) as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("""select * from esdb.append_to_streams('[{"aggregate_id": "s", "events": []}]')""")
    assert raised.value.sqlstate == "SE009"
    assert str(raised.value.diag.message_detail).startswith("events: append 1: ")


@pytest.mark.usefixtures("setting")
def test_a_backslash_of_a_payload_stays(esdb: Esdb) -> None:
    payload = '{"path": "a\\\\b\\n"}'
    succeeds(esdb, "append", "s", "Noted", payload, "--context", "b", "--group", "m")
    event = json.loads(succeeds(esdb, "read", "s", "--json"))
    assert event["payload"] == json.loads(payload)


@pytest.mark.parametrize(
    "setting",
    ["timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "intervalstyle = iso_8601", "extra_float_digits = -3"],
)
def test_how_a_session_writes_values_is_no_fault(db: Connection, esdb: Esdb, setting: str) -> None:
    set_for_all(db, setting)
    assert succeeds(esdb, "verify", "--schema-only") == "ok\n"
