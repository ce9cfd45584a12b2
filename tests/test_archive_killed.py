"""Runs of archive and restore that are killed: a rerun completes them, and no event is ever in neither place."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from esdb_cli import restore as restoring
from esdb_cli.archive import archive as archive_all
from esdb_cli.render import render
from tests.archive_support import (
    EVENTS,
    MANIFEST,
    Shelf,
    age,
    all_rows,
    archive,
    attached,
    leaf_rows,
    lines_of,
    refused,
    restore,
    states,
    statistics,
    succeeds,
)
from tests.databases import run_module, start_esdb
from tests.feed_support import append, until, value
from tests.fixtures import Connect, Connection, Esdb
from tests.test_indexes_held_up import at_work, is_connected


class Kept:
    """What must be somewhere at any time: the rows of one month of a store whose other months are archived already."""

    def __init__(self, connection: Connection, connect: Connect, folder: Path) -> None:
        self.shelf = Shelf(connection, connect)
        self.connection = connection
        self.folder = folder
        self.leaf = self.shelf.leaves[0]
        self.rows = leaf_rows(connection, self.leaf)
        self.all_rows = all_rows(connection)
        self.statistics = statistics(connection)
        self.choice = {"older_than": age(), "context": "b", "keep_table": False}
        # one month is enough: the others are not sealed, and so not taken
        others = "select subject from esdb.audit_log where action = 'seal' and subject <> %s"
        for (other,) in connection.execute(others, (self.leaf,)).fetchall():
            connection.execute(sql.SQL(render("open_partition", {"partition": other})))
        connection.execute("delete from esdb.seals where lower_bound <> %s", (self.shelf.months[0],))

    def assert_somewhere(self) -> None:
        """Each event is in the table that queries see, or reads are refused and it is in a table or a whole archive."""
        state = states(self.connection).get(self.leaf)
        is_attached = self.leaf in attached(self.connection)
        refuses = self._refuses()
        assert refuses == (state in {"detaching", "archived"})
        if is_attached:
            assert leaf_rows(self.connection, self.leaf) == self.rows
            return
        assert refuses
        has_table = value(self.connection, "select to_regclass(%s) is not null", (f"esdb.{self.leaf}",))
        if has_table and leaf_rows(self.connection, self.leaf) == self.rows:
            return
        assert (self.folder / self.leaf / MANIFEST).exists()
        assert [line.decode() for line in lines_of(self.folder / self.leaf)] == [f"{text}\n" for (text,) in self.rows]

    def assert_archived(self) -> None:
        assert states(self.connection) == {self.leaf: "archived"}
        assert self.leaf not in attached(self.connection)
        assert sorted(path.name for path in (self.folder / self.leaf).iterdir()) == [EVENTS, MANIFEST]
        self.assert_somewhere()

    def assert_back(self) -> None:
        assert states(self.connection) == {}
        assert all_rows(self.connection) == self.all_rows

    def _refuses(self) -> bool:
        try:
            self.connection.execute("select esdb._check_archived('b', %s, %s)", (self.shelf.months[0],) * 2)
        except psycopg.DatabaseError as error:
            assert error.sqlstate == "SE013"  # noqa: PT017
            return True
        return False


@pytest.fixture
def kept(db: Connection, connect: Connect, tmp_path: Path) -> Kept:
    """A store with one sealed month that is due."""
    shelf = Kept(db, connect, tmp_path)
    shelf.statistics = statistics(db)
    return shelf


def run_killed(url: str, moment: int, *arguments: str) -> int:
    return run_module("tests.archive_killer", str(moment), *arguments, url=url).returncode


def sessions_gone(connection: Connection) -> bool:
    """Tell whether the server process of a killed command has ended, too."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'esdb'"
    return bool(value(connection, query) == 0)


@pytest.mark.parametrize("keep_table", [False, True], ids=["dropped", "kept"])
def test_archive_killed_at_any_moment(
    kept: Kept, db: Connection, db_url: str, connect: Connect, tmp_path: Path, keep_table: bool
) -> None:
    work = connect()
    choice = {**kept.choice, "keep_table": keep_table}
    options = ["--keep-table"] if keep_table else []
    seen = set()
    moment, code = 0, -9
    while code == -9:
        moment += 1
        code = run_killed(
            db_url, moment, "partitions", "archive", "--older-than", age(), "--to", str(tmp_path), *options
        )
        until(lambda: sessions_gone(db), "the end of the killed command's session")
        kept.assert_somewhere()
        seen.add((states(db).get(kept.leaf), kept.leaf in attached(db)))
        archive_all(work, choice, tmp_path)
        kept.assert_archived()
        assert statistics(db) == kept.statistics
        restoring.restore(work, [tmp_path / kept.leaf])
        kept.assert_back()
        shutil.rmtree(tmp_path / kept.leaf)
    assert code == 0
    assert seen == {(None, True), ("archiving", True), ("detaching", True), ("detaching", False), ("archived", False)}


@pytest.mark.parametrize("keep_table", [False, True], ids=["dropped", "kept"])
def test_restore_killed_at_any_moment(
    kept: Kept, db: Connection, db_url: str, connect: Connect, tmp_path: Path, keep_table: bool
) -> None:
    work = connect()
    choice = {**kept.choice, "keep_table": keep_table}
    moment, code = 0, -9
    while code == -9:
        moment += 1
        archive_all(work, choice, tmp_path)
        code = run_killed(db_url, moment, "partitions", "restore", str(tmp_path))
        until(lambda: sessions_gone(db), "the end of the killed command's session")
        kept.assert_somewhere()
        if states(db):
            restoring.restore(work, [tmp_path / kept.leaf])
        kept.assert_back()
        assert statistics(db) == kept.statistics
    assert code == 0


def test_a_restore_of_several_archives_is_completed(
    db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    shelf = Shelf(db, connect)
    before = all_rows(db)
    succeeds(archive(esdb, tmp_path))
    succeeds(restore(esdb, tmp_path / shelf.leaves[0]))
    succeeds(restore(esdb, tmp_path / shelf.leaves[2]))
    dry = restore(esdb, tmp_path, "--dry-run")
    assert succeeds(dry).count("_finish_restore(") == len(shelf.leaves) - 2
    result = restore(esdb, tmp_path, "--json")
    assert [row["partition"] for row in json.loads(succeeds(result))] == [shelf.leaves[1], shelf.leaves[3]]
    in_place = f"nothing to do: {shelf.leaves[0]} is in place, sealed as in the archive"
    assert in_place in result.stderr
    assert in_place in dry.stderr
    assert all_rows(db) == before
    assert states(db) == {}
    again = restore(esdb, tmp_path)
    assert (succeeds(again), again.stderr.count("is in place")) == ("", len(shelf.leaves))
    assert succeeds(esdb("verify", "--events")) == "ok\n"


@pytest.mark.parametrize("killed", ["server process", "command"])
def test_a_detach_that_was_cut_short_is_finalized(
    kept: Kept, db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path, killed: str
) -> None:
    old, late = connect(), connect()
    old.execute("begin; select count(*) from esdb.streams")
    run = start_esdb("partitions", "archive", "--older-than", age(), "--to", str(tmp_path), url=db_url)
    assert run.stderr is not None
    lines = iter(run.stderr.readline, "")
    assert any(line == "waiting for 1 open transaction\n" for line in lines)
    kept.assert_somewhere()
    # not there when the run looked: only the DETACH waits for it
    late.execute("begin; lock table esdb.events_bookmark in access share mode")
    old.execute("rollback")
    pid = until(lambda: at_work(db), "the DETACH waiting for a transaction")
    assert value(db, "select bool_or(inhdetachpending) from pg_inherits")
    kept.assert_somewhere()
    if killed == "command":
        run.kill()
        run.communicate(timeout=60)
        db.execute("select pg_terminate_backend(%s)", (pid,))
    else:
        db.execute("select pg_terminate_backend(%s)", (pid,))
        run.communicate(timeout=60)
    assert run.returncode != 0
    until(lambda: not is_connected(db, pid), "the end of the server process")
    kept.assert_somewhere()
    assert succeeds(esdb("verify", "--schema-only")) == "ok\n"
    append(late, "meanwhile")
    late.execute("commit")
    script = succeeds(archive(esdb, tmp_path, "--dry-run"))
    assert f"alter table esdb.events_bookmark detach partition esdb.{kept.leaf} finalize;" in script
    succeeds(archive(esdb, tmp_path))
    kept.assert_archived()
    succeeds(restore(esdb, tmp_path))
    assert states(db) == {}
    assert leaf_rows(db, kept.leaf) == kept.rows
    # what the DETACH added to the table is gone, too
    assert succeeds(esdb("verify", "--schema-only")) == "ok\n"


def test_who_read_before_is_waited_for(
    kept: Kept, db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    old = connect()
    old.execute("begin isolation level repeatable read")
    before = len(old.execute("select * from esdb.read_stream('s0')").fetchall())
    result = archive(esdb, tmp_path, "--wait", "0.2")
    assert refused(result, 4) == "esdb: 1 transactions did not end within 0.2 seconds"
    assert states(db) == {kept.leaf: "detaching"}
    # its snapshot does not know of the archive, and it still sees all
    assert len(old.execute("select * from esdb.read_stream('s0')").fetchall()) == before
    kept.assert_somewhere()
    old.execute("rollback")
    succeeds(archive(esdb, tmp_path))
    kept.assert_archived()


def test_locks_are_waited_for_so_long(kept: Kept, db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    other = connect()
    other.execute("begin; select esdb._lock_maintenance()")
    assert "a lock was not obtained within 0.2 seconds" in refused(archive(esdb, tmp_path, "--wait", "0.2"), 4)
    assert states(db) == {}
    other.execute("rollback")
    succeeds(archive(esdb, tmp_path))
    other.execute("begin; lock table esdb.events_bookmark in share update exclusive mode")
    assert "a lock was not obtained within 0.2 seconds" in refused(restore(esdb, tmp_path, "--wait", "0.2"), 4)
    kept.assert_somewhere()
    other.execute("rollback")
    succeeds(restore(esdb, tmp_path))
    kept.assert_back()


def test_one_run_at_a_time(kept: Kept, db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    connect().execute("select pg_advisory_lock(29290::bigint << 48)")
    for result in (archive(esdb, tmp_path, "--wait", "0"), restore_of_nothing(esdb, tmp_path)):
        assert "another `esdb partitions archive or restore` is at work" in refused(result, 4)
    assert states(db) == {}
    assert kept.leaf in attached(db)


def restore_of_nothing(esdb: Esdb, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    folder = tmp_path / "anything"
    folder.mkdir()
    (folder / MANIFEST).write_text("{}")
    return restore(esdb, folder, "--wait", "0")


def test_a_leaf_whose_events_are_not_those_sealed_is_not_archived(
    kept: Kept, db: Connection, esdb: Esdb, tmp_path: Path
) -> None:
    table = sql.Identifier("esdb", kept.leaf)
    db.execute(sql.SQL("alter table {} disable trigger events_are_immutable").format(table))
    db.execute(sql.SQL("update {} set payload = '{{}}' where payload <> '{{}}'").format(table))
    assert "are not those that were sealed" in refused(archive(esdb, tmp_path))
    assert states(db) == {}
    assert list((tmp_path / kept.leaf).iterdir()) == []
    assert kept.leaf in attached(db)
