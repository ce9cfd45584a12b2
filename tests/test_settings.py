"""`esdb settings`: what it shows is in force, what it sets holds at once, and what is wrong changes nothing."""

from __future__ import annotations

import json

import pytest

from tests.feed_support import append, value
from tests.fixtures import Connect, Connection, Esdb

COLUMNS = ["name", "value", "default_value", "value_type", "minimum", "maximum", "is_changed", "meaning"]


def test_list_set_and_reset(esdb: Esdb) -> None:
    def threshold() -> tuple[str, bool]:
        rows = json.loads(esdb("settings", "list", "--json").stdout)
        assert all(list(row) == COLUMNS for row in rows)
        assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
        (row,) = [row for row in rows if row["name"] == "snapshot_threshold"]
        assert row["default_value"] == "100"
        return row["value"], row["is_changed"]

    assert threshold() == ("100", False)
    result = esdb("settings", "set", "snapshot_threshold", "50")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "snapshot_threshold is 50\n")
    assert threshold() == ("50", True)
    shown = esdb("settings", "list").stdout.splitlines()
    (line,) = [line for line in shown if line.startswith("snapshot_threshold ")]
    assert line.split()[:6] == ["snapshot_threshold", "50", "100", "1", "1000000", "yes"]
    result = esdb("settings", "reset", "snapshot_threshold")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "snapshot_threshold is 100\n")
    assert threshold() == ("100", False)


def test_a_dry_run_prints_sql_that_does_what_a_run_does(db: Connection, esdb: Esdb) -> None:
    script = esdb("settings", "set", "snapshot_retention", "2 weeks", "--dry-run", url="postgresql://nowhere:1/")
    assert script.returncode == 0, script.stderr
    assert value(db, "select count(*) from esdb.settings where value is not null") == 0
    assert db.execute(script.stdout).fetchall() == [("14 days",)]
    script = esdb("settings", "reset", "snapshot_retention", "--dry-run")
    assert value(db, "select value from esdb.settings where name = 'snapshot_retention'") == "14 days"
    assert db.execute(script.stdout).fetchall() == [("30 days",)]
    assert value(db, "select value from esdb.settings where name = 'snapshot_retention'") is None


@pytest.mark.parametrize(
    ("arguments", "detail"),
    [
        (["set", "snapshot_threshold", "0"], "value: '0' is no integer from 1 to 1000000"),
        (["set", "snapshot_threshold", "it's"], "value: 'it''s' is no integer from 1 to 1000000"),
        (["set", "--", "partitions_ahead", "-1"], "value: '-1' is no integer from 0 to 120"),
        (["set", "snapshot_retention", "2 apples"], "value: '2 apples' is no interval from 0 to 1000 years"),
        (["set", "snapshot_retention", "14"], "value: '14' has a number without a unit"),
        (["set", "nothing", "1"], "name: 'nothing' is none of idempotency_retention, "),
        (["set", "", "1"], "name: '' is none of idempotency_retention, "),
        (["set", "two\nlines\x1b[31m", "1"], "name: 'two"),
        (["reset", "nothing"], "name: 'nothing' is none of idempotency_retention, "),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    db: Connection, esdb: Esdb, arguments: list[str], detail: str
) -> None:
    result = esdb("settings", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("esdb: invalid argument: ")
    assert lines[0].endswith(" (SE009)")
    assert lines[1].startswith(f"detail: {detail}")
    assert lines[-1].startswith("hint: ")
    assert all(line.isprintable() for line in lines)
    assert value(db, "select count(*) from esdb.settings where value is not null") == 0


@pytest.mark.parametrize("arguments", [["set", "snapshot_threshold"], ["reset"], ["set", "a", "b", "c"], ["nonsense"]])
def test_a_wrong_usage_is_exit_2(esdb: Esdb, arguments: list[str]) -> None:
    assert esdb("settings", *arguments).returncode == 2


def test_a_change_holds_at_once_in_sessions_that_are_open(db: Connection, connect: Connect, esdb: Esdb) -> None:
    """Even where a plan of the reader has long been cached."""
    session = connect()
    payload = "jsonb_build_object('a', repeat('x', 3000))"
    statement = f"select esdb.append_event('a', 'T', {payload}, bounded_context => 'b', group_context => 'm')"
    for _ in range(8):
        session.execute(statement, prepare=True)
        assert value(session, "select count(*) from esdb.snapshots_due") == 0
    assert esdb("settings", "set", "max_payload_bytes", "2500").returncode == 0
    with pytest.raises(Exception, match="payload too large"):
        session.execute(statement, prepare=True)
    assert esdb("settings", "set", "snapshot_threshold", "8").returncode == 0
    assert value(session, "select count(*) from esdb.snapshots_due") == 1
    assert esdb("settings", "set", "partitions_ahead", "4").returncode == 0
    assert "_y" in esdb("partitions", "create-next", "--dry-run").stdout
    assert esdb("settings", "reset", "max_payload_bytes").returncode == 0
    session.execute(statement, prepare=True)
    assert append(db, "a").version == 10


def test_an_open_change_blocks_no_reader_of_the_settings(db: Connection, connect: Connect) -> None:
    other = connect()
    other.execute("set lock_timeout = '3s'")
    with db.transaction():
        db.execute("select esdb.set_setting('snapshot_threshold', '1')")
        append(other, "a")
        assert value(other, "select count(*) from esdb.snapshots_due") == 0
        assert value(other, "select esdb.set_setting('snapshots_kept', '7')") == "7"
        assert value(db, "select count(*) from esdb.snapshots_due") == 1
    assert value(other, "select count(*) from esdb.snapshots_due") == 1


def test_who_may_set(db: Connection, esdb: Esdb, db_url: str) -> None:
    roles = {"reads_settings": "esdb_reader", "sets_settings": "esdb_maintainer"}
    for role, group in roles.items():
        db.execute(f"create role {role} login; grant {group} to {role}")
    try:
        as_reader, as_maintainer = (f"{db_url}&user={role}" for role in roles)
        assert esdb("settings", "list", url=as_reader).returncode == 0
        refused = esdb("settings", "set", "snapshots_kept", "7", url=as_reader)
        assert refused.returncode == 1
        assert "permission denied" in refused.stderr
        assert esdb("snapshots", "due", url=as_reader).returncode == 0
        assert esdb("snapshots", "cleanup", url=as_reader).returncode == 1
        assert esdb("settings", "set", "snapshots_kept", "7", url=as_maintainer).returncode == 0
        assert esdb("snapshots", "cleanup", url=as_maintainer).returncode == 0
    finally:
        for role in roles:
            db.execute(f"drop role {role}")
