"""`esdb subscriptions`: made, listed, watched, reset, dropped; parked events replayed and discarded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.feed_support import append, append_many, value
from tests.fixtures import Connection, Esdb


def listed(esdb: Esdb, *arguments: str) -> list[dict[str, Any]]:
    result = esdb("subscriptions", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_a_subscription_is_made_listed_reset_and_dropped(db: Connection, esdb: Esdb) -> None:
    append_many(db, "s", 3)
    options = [
        "--partitions",
        "2",
        "--context",
        "b",
        "--type",
        "Happened",
        "--max-attempts",
        "3",
        "--on-failure",
        "stop",
    ]
    for _ in range(2):  # the same again changes nothing
        made = esdb("subscriptions", "create", "mails", *options)
        assert (made.returncode, made.stdout) == (0, ""), made.stderr
    (row,) = listed(esdb, "list")
    assert (row["name"], row["partitions"]) == ("mails", 2)
    assert (row["bounded_contexts"], row["event_types"], row["group_contexts"]) == (["b"], ["Happened"], None)
    assert "bounded_contexts: b; event_types: Happened" in esdb("subscriptions", "list").stdout
    assert [row["position"] for row in listed(esdb, "lag", "mails")] == [0, 0]

    assert esdb("subscriptions", "reset", "mails", "--to", "2").returncode == 0
    assert [row["events_behind"] for row in listed(esdb, "lag")] == [1, 1]
    assert esdb("subscriptions", "reset", "mails", "--to", "-1").returncode == 0
    assert [row["position"] for row in listed(esdb, "lag")] == [3, 3]
    assert esdb("subscriptions", "drop", "mails").returncode == 0
    assert listed(esdb, "list") == listed(esdb, "lag") == []


def test_parked_events_are_listed_replayed_and_discarded(db: Connection, esdb: Esdb) -> None:
    for stream in ("x", "y"):
        append(db, stream)
    db.execute("select esdb.create_subscription('all', max_attempts => 1)")
    for position in (1, 2):
        token = value(db, "select min(token) from esdb.claim_events('all', 'w')")
        db.execute("select esdb.nack('all', %s, %s, 'no\nroute')", (token, position))
    assert [(row["position"], row["state"]) for row in listed(esdb, "parked")] == [(1, "failed"), (2, "failed")]
    assert r"no\nroute" in esdb("subscriptions", "parked", "all").stdout

    assert esdb("subscriptions", "replay", "all", "--position", "1").returncode == 0
    assert [row["state"] for row in listed(esdb, "parked", "all")] == ["replay", "failed"]
    refused = esdb("subscriptions", "replay", "all", "--position", "7")
    assert refused.returncode == 1
    assert refused.stderr.startswith("esdb: invalid argument: position (SE009)\n")
    assert esdb("subscriptions", "discard", "all").returncode == 0
    assert listed(esdb, "parked") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "it's", "--from", "-1", "--type", "A", "--type", "B"],
        ["reset", "all", "--to", "1"],
        ["replay", "all"],
        ["discard", "all", "--position", "1"],
        ["drop", "all"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_dry_run_prints_what_would_be_run(db: Connection, esdb: Esdb, arguments: list[str]) -> None:
    append(db, "s")
    db.execute("select esdb.create_subscription('all', max_attempts => 1)")
    token = value(db, "select token from esdb.claim_events('all', 'w')")
    db.execute("select esdb.nack('all', %s, 1, 'x')", (token,))
    state = "select (select count(*) from esdb.audit_trail), (select count(*) from esdb.subscriptions)"
    before = db.execute(state).fetchall()
    result = esdb("subscriptions", *arguments, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert db.execute(state).fetchall() == before
    db.execute(result.stdout)
    assert db.execute(state).fetchall() != before


def test_what_is_not_there_is_said(db: Connection, esdb: Esdb) -> None:
    assert value(db, "select count(*) from esdb.subscriptions") == 0
    for arguments in (
        ["lag", "none"],
        ["parked", "none"],
        ["reset", "none", "--to", "0"],
        ["drop", "none"],
        ["replay", "none"],
    ):
        result = esdb("subscriptions", *arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert "none" in result.stderr
        assert "hint: " in result.stderr
