"""`esdb partitions archive` and `restore`: the same events, in the same order, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.archive_support import (
    EVENTS,
    Shelf,
    all_rows,
    archive,
    attached,
    digest_of,
    leaf_rows,
    lines_of,
    manifest_of,
    refused,
    restore,
    states,
    statistics,
    succeeds,
)
from tests.databases import run_esdb
from tests.feed_clock import first_leaf_month, make_months, month_after
from tests.feed_support import value
from tests.fixtures import Connect, Connection, Esdb, NewServer
from tests.pgbouncer import Pooled


@pytest.fixture
def shelf(db: Connection, connect: Connect) -> Shelf:
    """A store with four sealed months."""
    return Shelf(db, connect)


def test_round_trip(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    before, sealed = all_rows(db), statistics(db)
    rows = {leaf: leaf_rows(db, leaf) for leaf in shelf.leaves}
    done = json.loads(succeeds(archive(esdb, tmp_path, "--json")))
    assert [row["partition"] for row in done] == shelf.leaves
    assert not attached(db) & set(shelf.leaves)
    assert set(states(db).values()) == {"archived"}
    assert statistics(db) == sealed
    for leaf in shelf.leaves:
        assert value(db, "select to_regclass(%s)", (f"esdb.{leaf}",)) is None
        lines = lines_of(tmp_path / leaf)
        assert [line.decode() for line in lines] == [f"{text}\n" for (text,) in rows[leaf]]
        manifest = manifest_of(tmp_path / leaf)
        assert {name: manifest[name] for name in manifest if name != "file"} == shelf.facts(leaf)
        assert digest_of(lines) == manifest["events_digest"]
        assert manifest["file"]["bytes"] == (tmp_path / leaf / EVENTS).stat().st_size
    assert succeeds(esdb("verify")) == "ok\n"

    succeeds(restore(esdb, tmp_path))
    assert all_rows(db) == before
    assert statistics(db) == sealed
    assert states(db) == {}
    assert succeeds(esdb("verify")) == "ok\n"
    assert json.loads(succeeds(esdb("partitions", "seal", "--context", "b", "--json")))["sealed"] == []
    with pytest.raises(psycopg.DatabaseError, match="sealed"):
        db.execute(
            sql.SQL("insert into esdb.{} select * from esdb.events limit 1").format(sql.Identifier(shelf.leaves[0]))
        )


HOSTILE = (
    "datestyle = 'German, DMY'",
    "intervalstyle = 'iso_8601'",
    "timezone = 'Asia/Kathmandu'",
    "extra_float_digits = -15",
    "client_encoding = 'LATIN1'",
    "bytea_output = 'escape'",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "search_path = nowhere",
    "default_transaction_isolation = 'serializable'",
)


def test_no_setting_of_a_session_changes_a_byte(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    before = all_rows(db)
    plain, hostile = tmp_path / "plain", tmp_path / "hostile"
    plain.mkdir()
    hostile.mkdir()
    succeeds(archive(esdb, plain))
    succeeds(restore(esdb, plain))
    for setting in HOSTILE:
        db.execute(sql.SQL("alter database {} set ").format(sql.Identifier(db.info.dbname)) + sql.SQL(setting))
    succeeds(archive(esdb, hostile))
    for leaf in shelf.leaves:
        assert (plain / leaf / EVENTS).read_bytes() == (hostile / leaf / EVENTS).read_bytes()
        assert manifest_of(plain / leaf) == manifest_of(hostile / leaf)
    succeeds(restore(esdb, hostile, "--dry-run"))
    succeeds(restore(esdb, hostile))
    db.execute(sql.SQL("alter database {} reset all").format(sql.Identifier(db.info.dbname)))
    assert all_rows(db) == before
    assert succeeds(esdb("verify")) == "ok\n"


def test_a_kept_table_is_attached_again(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    before = all_rows(db)
    oids = [value(db, "select %s::regclass::oid", (f"esdb.{leaf}",)) for leaf in shelf.leaves]
    succeeds(esdb("indexes", "enable", "correlation"))
    succeeds(archive(esdb, tmp_path, "--keep-table"))
    assert not attached(db) & set(shelf.leaves)
    assert succeeds(esdb("verify")) == "ok\n"
    # what happens to the optional indexes meanwhile is made up for
    succeeds(esdb("indexes", "disable", "correlation"))
    succeeds(restore(esdb, tmp_path))
    assert [value(db, "select %s::regclass::oid", (f"esdb.{leaf}",)) for leaf in shelf.leaves] == oids
    assert all_rows(db) == before
    assert succeeds(esdb("verify")) == "ok\n"


def test_a_kept_table_that_was_altered_is_not_attached(
    shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path
) -> None:
    before = all_rows(db)
    succeeds(archive(esdb, tmp_path, "--keep-table"))
    leaf = shelf.leaves[0]
    table = sql.Identifier("esdb", leaf)
    db.execute(sql.SQL("alter table {} disable trigger events_are_immutable").format(table))
    db.execute(sql.SQL("delete from {} where version = 1").format(table))
    assert "does not hold the events that were sealed" in refused(restore(esdb, tmp_path / leaf))
    assert states(db)[leaf] == "archived"
    assert leaf not in attached(db)
    # as the hint says
    db.execute(sql.SQL("drop table {}").format(table))
    succeeds(restore(esdb, tmp_path))
    assert all_rows(db) == before


@pytest.mark.usefixtures("shelf")
def test_optional_indexes_that_came_meanwhile(esdb: Esdb, tmp_path: Path) -> None:
    succeeds(archive(esdb, tmp_path))
    succeeds(esdb("indexes", "enable", "correlation"))
    succeeds(restore(esdb, tmp_path))
    assert succeeds(esdb("verify")) == "ok\n"


def test_retain_and_what_is_taken(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    def taken(*arguments: str) -> list[str]:
        script = succeeds(esdb("partitions", "archive", "--to", str(tmp_path), "--dry-run", *arguments))
        return [leaf for leaf in shelf.leaves if f"drop table esdb.{leaf};" in script]

    assert taken() == []
    age_of_second = datetime.now(UTC) - shelf.months[2]
    db.execute("update esdb.bounded_contexts set retain = %s where code = 'b'", (age_of_second,))
    assert taken() == shelf.leaves[:2]
    assert taken("--context", "bookmark") == shelf.leaves[:2]
    assert taken("--context", "n") == []
    assert taken("--older-than", "1 day")[:4] == shelf.leaves
    # retries look for their events there
    db.execute("select esdb.set_setting('idempotency_retention', %s)", (f"{age_of_second.days} days",))
    assert taken("--older-than", "1 day") == shelf.leaves[:2]
    for age, word in (("90", "has no unit"), ("-1 day", "is no age"), ("soon", "is no age")):
        result = esdb("partitions", "archive", "--to", str(tmp_path), "--older-than", age)
        assert "invalid argument: older_than (SE009)" in refused(result)
        assert word in result.stderr
    assert "SE005" in refused(esdb("partitions", "archive", "--to", str(tmp_path), "--context", "x"))
    assert list(tmp_path.iterdir()) == []
    assert states(db) == {}


def test_what_is_not_sealed_is_named_and_left(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    succeeds(esdb("partitions", "unseal", "b", f"{shelf.months[1]:%Y-%m}", "--reason", "test"))
    result = archive(esdb, tmp_path, "--json")
    assert [row["partition"] for row in json.loads(succeeds(result))] == [
        leaf for leaf in shelf.leaves if leaf != shelf.leaves[1]
    ]
    assert f"{shelf.leaves[1]} is not sealed: run `esdb partitions seal` first" in result.stderr
    assert shelf.leaves[1] in attached(db)
    # and what is archived is not unsealed
    unsealed = esdb("partitions", "unseal", "b", f"{shelf.months[0]:%Y-%m}", "--reason", "test")
    assert "SE009" in refused(unsealed)


def test_streams_that_cannot_be_loaded_are_counted(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    def warned(*arguments: str) -> list[str]:
        lines = archive(esdb, tmp_path, *arguments).stderr.splitlines()
        return [line.split(" without")[0] for line in lines if line.startswith("warning")]

    first, second, _, last = shelf.leaves
    assert warned("--dry-run") == [f"warning: 5 streams go on after {leaf}" for leaf in (first, second, last)]
    # of the first two months, and just not of the second
    db.execute("select esdb.save_snapshot('s0', 2, '{}'), esdb.save_snapshot('s1', 1, '{}')")
    assert warned("--dry-run") == [
        f"warning: {count} streams go on after {leaf}" for count, leaf in ((3, first), (4, second), (5, last))
    ]
    assert len(warned()) == 3
    assert warned() == []


def test_dry_run_is_what_is_done(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    script = succeeds(archive(esdb, tmp_path, "--dry-run"))
    leaf = shelf.leaves[0]
    for part in (
        "select * from esdb._begin_archive(",
        f"-- writes {tmp_path / leaf}: {shelf.facts(leaf)['event_count']} events and a manifest;",
        "select * from esdb._release_archive(",
        "-- waits until the transactions that are open now have ended",
        f"alter table esdb.events_bookmark detach partition esdb.{leaf} concurrently;",
        f"drop table esdb.{leaf};",
        "select * from esdb._finish_archive(",
    ):
        assert part in script
        script = script.partition(part)[2]
    assert list(tmp_path.iterdir()) == []
    assert states(db) == {}
    succeeds(archive(esdb, tmp_path))
    result = restore(esdb, tmp_path, "--dry-run")
    assert "create table esdb." in succeeds(result)
    assert result.stderr.count("proven: ") == 4
    assert set(states(db).values()) == {"archived"}
    assert "Give either --dry-run or --json." in archive(esdb, tmp_path, "--dry-run", "--json").stderr


def test_the_audit_log_has_both(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    succeeds(archive(esdb, tmp_path))
    succeeds(restore(esdb, tmp_path))
    query = "select action, subject, details from esdb.audit_log where action in ('archive', 'restore') order by number"
    rows = db.execute(query).fetchall()
    assert [row[:2] for row in rows] == [(action, leaf) for action in ("archive", "restore") for leaf in shelf.leaves]
    for _, leaf, details in rows:
        assert details["location"] == str(tmp_path / leaf)
        assert details["events_digest"] == shelf.facts(leaf)["events_digest"]


def test_again_to_the_same_directory(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    """The same content is adopted; after a leaf was sealed anew, it is another archive."""
    succeeds(archive(esdb, tmp_path))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.zst")}
    succeeds(restore(esdb, tmp_path))
    succeeds(archive(esdb, tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.zst")} == written
    succeeds(restore(esdb, tmp_path))
    succeeds(esdb("partitions", "unseal", "b", f"{shelf.months[3]:%Y-%m}", "--reason", "test"))
    succeeds(esdb("partitions", "seal", "--context", "b"))
    result = archive(esdb, tmp_path)
    assert refused(result) == f"esdb: {tmp_path / shelf.leaves[3]} holds another archive"
    assert states(db) == dict.fromkeys(shelf.leaves[:3], "archived")
    assert shelf.leaves[3] in attached(db)
    # an older archive is restored whatever was sealed anew since
    succeeds(restore(esdb, tmp_path / shelf.leaves[0]))


def test_a_pooler_is_refused(db_url: str, pooled: Pooled, esdb: Esdb, tmp_path: Path) -> None:
    result = esdb("partitions", "archive", "--to", str(tmp_path), url=pooled(db_url))
    assert "does not work through a connection pooler" in refused(result)


def test_an_owner_who_is_no_superuser(new_server: NewServer, tmp_path: Path) -> None:
    server = new_server(durable=False)
    with psycopg.connect(server.url(), autocommit=True) as administrator:
        administrator.execute("create role owner login createrole")
        administrator.execute("create database shop owner owner")
    url = server.url("shop", user="owner")
    for arguments in (["migrate"], ["partitions", "create-next"]):
        succeeds(run_esdb(*arguments, url=url))
    with psycopg.connect(url, autocommit=True) as owner:
        start = month_after(first_leaf_month(owner), -1)
        (leaf,) = make_months(owner, "note", start, 1)
        owner.execute(
            sql.SQL(
                "insert into esdb.{} (position, id, bounded_context, group_context, feature_context, action_type,"
                " aggregate_type, aggregate_id, event_type, version, timestamp, payload)"
                " select n, n, 'n', 'm', 'c', 'create', 'note', n, 'T', 1, %s, '{{}}' from generate_series(1, 2500) n"
            ).format(sql.Identifier(leaf)),
            (start,),
        )
        owner.execute("select setval('esdb.event_position', 2500)")
        rows = leaf_rows(owner, leaf)
        succeeds(run_esdb("partitions", "seal", "--context", "n", url=url))
        taken = ("partitions", "archive", "--older-than", "25 days", "--context", "n", "--to", str(tmp_path))
        succeeds(run_esdb(*taken, url=url))
        assert states(owner) == {leaf: "archived"}
        succeeds(run_esdb("partitions", "restore", str(tmp_path), url=url))
        assert leaf_rows(owner, leaf) == rows
