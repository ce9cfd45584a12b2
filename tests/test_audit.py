"""The audit log: whatever is done to a store that is no event is in it, with who, from where, what and how many."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from esdb_cli.package import Package
from esdb_cli.resources import package_version
from tests.databases import run_esdb
from tests.feed_support import value
from tests.fixtures import Connection, Esdb, NewServer
from tests.import_support import START, events, write
from tests.tools import ROOT

PAGE = ROOT / "docs/how-to/audit.md"
OLD_KEYS = (
    "insert into esdb.idempotency_keys"
    " select 's', 'k' || n, 1, 1, now() - interval '9 days' from generate_series(1, %s) as n"
)
OLD_SNAPSHOTS = (
    "insert into esdb.snapshots select 's', n, '{}', now() - interval '90 days' from generate_series(1, %s) as n"
)
CLIENT = {"client_address": "127.0.0.1", "application_name": "night watch"}


def documented() -> set[str]:
    """Give the actions in the table of the page."""
    table = PAGE.read_text().split("## What is noted")[1].split("\n\n")[1]
    return {action for row in table.splitlines()[2:] for action in re.findall(r"`([^`]+)`", row.split("|")[1])}


class Deeds:
    """An owner, who is no superuser, at work; what they do with the store is to be found in its audit log."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self._seen = 0

    def done(self, *arguments: str) -> list[tuple[str, str, int | None]]:
        """Run a command; give the rows that it has added: action, subject, how many."""
        result = run_esdb(*arguments, url=self.url)
        assert result.returncode == 0, result.stderr
        return self.noted()

    def called(self, statement: str, *arguments: object) -> list[tuple[str, str, int | None]]:
        """Run SQL; give the rows that it has added."""
        self.connection.execute(statement, arguments)
        return self.noted()

    def rows(self) -> list[dict[str, Any]]:
        return self.connection.execute(
            "select number, at, principal, host(client_address) as client_address, application_name, action, subject,"
            " affected, details from esdb.audit_trail order by number"
        ).fetchall()

    def noted(self) -> list[tuple[str, str, int | None]]:
        new = [row for row in self.rows() if row["number"] > self._seen]
        self._seen = max([self._seen, *(row["number"] for row in new)])
        return [(row["action"], row["subject"], row["affected"]) for row in new]

    def details(self, action: str) -> dict[str, Any]:
        """Give the facts of the newest row of an action."""
        found: dict[str, Any] = [row["details"] for row in self.rows() if row["action"] == action][-1]
        return found


def contexts_are_changed(deeds: Deeds) -> None:
    a_context = deeds.done("contexts", "add", "o", "order", "--wait", "10")
    assert a_context[0] == ("add context", "order", None)
    assert deeds.details("add context") == {"kind": "bounded", "code": "o"}
    assert [action for action, _, _ in a_context[1:]] == ["create partition"] * 6
    assert deeds.details("create partition")["kind"] == "overflow"
    assert deeds.done("contexts", "retain", "order", "30 days") == [("set retention", "order", None)]
    assert deeds.done("contexts", "retain", "order", "30 days") == []


def settings_are_changed(deeds: Deeds) -> None:
    assert deeds.done("settings", "set", "seal_after", "0") == [("set setting", "seal_after", None)]
    assert deeds.done("settings", "set", "seal_after", "0") == []
    assert deeds.done("settings", "reset", "seal_after") == [("set setting", "seal_after", None)]
    assert deeds.details("set setting") == {"before": "00:00:00", "after": "1 day", "is_default": True}


def aggregate_types_are_registered(deeds: Deeds) -> None:
    register = ("aggregate-types", "set", "order", "--context", "order", "--group")
    assert deeds.done(*register, "m") == [("set aggregate type", "order", None)]
    assert deeds.done(*register, "m") == []
    assert deeds.done(*register, "c") == [("set aggregate type", "order", None)]
    assert deeds.details("set aggregate type") == {
        "before": {"bounded_context": "o", "group_context": "m"},
        "after": {"bounded_context": "o", "group_context": "c"},
    }
    assert deeds.done("aggregate-types", "remove", "order") == [("remove aggregate type", "order", None)]


def indexes_are_enabled(deeds: Deeds) -> None:
    assert deeds.done("indexes", "enable", "correlation") == [("enable index", "correlation", None)]
    assert deeds.done("indexes", "enable", "correlation") == []
    assert deeds.done("indexes", "disable", "correlation") == [("disable index", "correlation", None)]


def partitions_come_and_go(deeds: Deeds, tmp_path: Path) -> None:
    file = write(tmp_path / "history", events(20))
    leaf = f"events_bookmark_y{START:%Ym%m}"
    assert deeds.done("import", file) == [
        ("create partition", leaf, None), ("import", file, None), ("import", file, 20),
    ]  # fmt: skip
    # last month's leaves are there too, and are over from some day of the month on
    sealed = deeds.done("partitions", "seal", "--context", "b")
    assert sealed[0] == ("seal", leaf, 20)
    month = f"{START:%Y-%m}"
    assert deeds.done("partitions", "unseal", "b", month, "--reason", "an error") == [("unseal", leaf, None)]
    assert deeds.details("unseal")["reason"] == "an error"
    assert deeds.done("partitions", "seal", "--context", "b") == [("seal", leaf, 20)]
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    archiving = ("partitions", "archive", "--older-than", "100 days", "--to", str(shelf))
    assert deeds.done(*archiving) == [("archive", leaf, 20)]
    assert deeds.done("partitions", "restore", str(shelf)) == [("restore", leaf, 20)]
    assert deeds.details("restore")["location"] == str(shelf / leaf)


def subscriptions_are_changed(deeds: Deeds) -> None:
    for _ in range(2):
        deeds.called("select esdb.append_event('s', 'T', '{}', bounded_context => 'n', group_context => 'm')")
    assert deeds.noted() == []
    create = ("subscriptions", "create", "mailer", "--max-attempts", "1")
    assert deeds.done(*create) == [("create subscription", "mailer", None)]
    assert deeds.done(*create) == []
    park(deeds.connection, "mailer")
    assert deeds.done("subscriptions", "replay", "mailer") == [("replay parked", "mailer", 1)]
    park(deeds.connection, "mailer")
    assert deeds.done("subscriptions", "discard", "mailer") == [("discard parked", "mailer", 1)]
    park(deeds.connection, "mailer")
    assert deeds.done("subscriptions", "reset", "mailer", "--to", "0") == [("reset subscription", "mailer", 1)]
    park(deeds.connection, "mailer")
    assert deeds.done("subscriptions", "drop", "mailer") == [("drop subscription", "mailer", 1)]


def old_things_are_removed(deeds: Deeds) -> None:
    deeds.called(OLD_SNAPSHOTS, 12)
    assert deeds.done("snapshots", "cleanup") == [("clean up", "snapshots", 7)]
    assert deeds.details("clean up") == {"keep": 5, "older_than": "30 days"}
    deeds.called(OLD_KEYS, 3)
    assert ("clean up", "idempotency keys", 3) in deeds.done("maintain")
    assert deeds.details("clean up") == {"older_than": "7 days"}
    assert deeds.done("maintain") == []


def an_epoch_begins(deeds: Deeds) -> None:
    ((action, subject, lost),) = deeds.done("recover", "--force", "--reason", "a drill")
    assert (action, subject) == ("recover", "epoch")
    assert lost is not None
    assert lost > 1 << 36
    assert deeds.details("recover")["reason"] == "a drill"


def test_all_that_is_no_event_is_in_the_audit_log(new_server: NewServer, tmp_path: Path) -> None:
    server = new_server(durable=False, host="127.0.0.1")
    with psycopg.connect(server.url(), autocommit=True) as administrator:
        administrator.execute("create role owner login createrole")
        administrator.execute("create database shop owner owner")
    url = make_conninfo(server.url("shop", user="owner", tcp=True), application_name=CLIENT["application_name"])
    assert run_esdb("migrate", url=url).returncode == 0
    deeds = Deeds(url)
    made = Counter(action for action, _, _ in deeds.noted())
    partitions = deeds.connection.execute("select count(*) as n from esdb.partitions").fetchone()
    assert made == {"migrate": 1, "create partition": (partitions or {})["n"]}

    contexts_are_changed(deeds)
    settings_are_changed(deeds)
    aggregate_types_are_registered(deeds)
    indexes_are_enabled(deeds)
    partitions_come_and_go(deeds, tmp_path)
    subscriptions_are_changed(deeds)
    old_things_are_removed(deeds)
    an_epoch_begins(deeds)

    rows = deeds.rows()
    assert {row["action"] for row in rows} == documented()
    assert {row["principal"] for row in rows} == {"owner"}
    assert all({name: row[name] for name in CLIENT} == CLIENT for row in rows)
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    deeds.connection.close()


def park(connection: psycopg.Connection[dict[str, Any]], subscription: str) -> None:
    """Let a subscription's next event fail, which parks it."""
    claim = "select token, position from esdb.claim_events(%s, 'w', max_count => 1)"
    (claimed,) = connection.execute(claim, (subscription,)).fetchall()
    nack = "select esdb.nack(%s, %s, %s, 'no')"
    connection.execute(nack, (subscription, claimed["token"], claimed["position"]))


def test_a_migration_that_was_cut_short_is_noted_by_the_next(empty_db: Connection, esdb: Esdb) -> None:
    """Killed after the versioned files, a run has noted nothing; who completes it notes them too."""
    url = empty_db.info.dsn
    assert esdb("migrate", url=url).returncode == 0
    noted = "select subject, affected, details from esdb.audit_log where action = 'migrate' order by number"
    package = Package.read()
    versioned = [migration.id for migration in package.migrations]
    ((version, affected, details),) = empty_db.execute(noted).fetchall()
    assert version == package_version()
    assert details["versioned"] == versioned
    assert sorted(details["repeatable"]) == sorted(file.id for file in package.repeatable)
    assert affected == len(package.files)
    # as if a later version had brought a file, and its run was killed behind it
    empty_db.execute(
        "insert into esdb_meta.checksums (id, kind, sha256) values ('9999_later', 'versioned', '');"
        "delete from esdb_meta.objects"
    )
    empty_db.execute("select esdb_meta.note_migration('later')")
    empty_db.execute("select esdb_meta.note_migration('later still')")
    assert empty_db.execute(noted).fetchall()[1:] == [("later", 1, {"versioned": ["9999_later"], "repeatable": []})]


def test_a_second_migrate_notes_nothing(db: Connection, esdb: Esdb) -> None:
    query = "select count(*) from esdb.audit_log"
    before = value(db, query)
    assert esdb("migrate").returncode == 0
    assert value(db, query) == before


def test_what_was_done_through_a_pooler_or_by_hand_is_noted_with_the_clients_name(db: Connection) -> None:
    db.execute("set application_name = 'psql'")
    db.execute("select esdb.set_setting('snapshots_kept', '7')")
    row = db.execute(
        "select principal, client_address, application_name, at <= clock_timestamp() from esdb.audit_trail"
        " where action = 'set setting'"
    ).fetchone()
    assert row == ("postgres", None, "psql", True)
