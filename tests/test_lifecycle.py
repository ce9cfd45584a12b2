"""What months go through, with the real commands: appended to, sealed, archived, restored; and all of it at once."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from esdb_cli.archive import archive as archive_all
from esdb_cli.data_checks import DataChecks, Found
from esdb_cli.restore import restore as restore_all
from esdb_cli.seal import seal, unseal
from esdb_cli.seal_checks import SealChecks
from esdb_cli.verification import faults
from tests.archive_support import archive, refused, restore, states, succeeds
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, set_clock, utc
from tests.feed_support import Appended, Crew, append, append_many, call, read_all, value
from tests.fixtures import Connect, Connection, Esdb
from tests.lifecycle_chaos import Chaos

CHAOS_SECONDS = 8.0


class Months:
    """Three months of the past and the present, with events of several streams in each; the clock is right again."""

    def __init__(self, connection: Connection, connect: Connect) -> None:
        self.connection = connection
        now = datetime.now(UTC)
        self.present = utc(now.year, now.month)
        self.first = month_after(first_leaf_month(connection), -3)
        self.months = [month_after(self.first, number) for number in range(3)]
        make_months(connection, "note", self.first, 3)
        self.leaves = make_months(connection, "bookmark", self.first, 3)
        Clock(connect)
        self.appended: list[Appended] = []
        with connect() as writer:
            for month in [*self.months, self.present]:
                set_clock(writer, month + timedelta(seconds=1))
                self.appended += append_many(writer, "long", 4)
                self.appended += append_many(writer, f"only {month:%Y-%m}", 2, bounded_context="n")
                self.appended += append_many(writer, "covered", 2, group_context="s")
        connection.execute("select esdb.save_snapshot('covered', 8, '{}')")
        right_clock(connection)

    def age(self, number: int) -> str:
        """Give an age that so many of the months have."""
        return f"{(datetime.now(UTC) - month_after(self.first, number)) // timedelta(hours=1)} hours"

    def readers(self) -> dict[str, Any]:
        """Give what every reader says."""
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "forward": ("read_all", {}),
            "backward": ("read_all", {"backward": True}),
            "of a type": ("read_all", {"event_types": ["Happened"], "bounded_contexts": ["b"]}),
            "stream": ("read_stream", {"aggregate_id": "long"}),
            "stream backward": ("read_stream", {"aggregate_id": "long", "backward": True}),
            "loaded": ("load_aggregate", {"aggregate_id": "long"}),
            "covered": ("load_aggregate", {"aggregate_id": "covered"}),
            "event": ("get_event", {"id": self.appended[0].id}),
            "event of stream": ("get_event", {"id": self.appended[0].id, "aggregate_id": "long"}),
            "count": ("event_count", {}),
        }
        said = {name: call(self.connection, function, **given) for name, (function, given) in calls.items()}
        return {**said, "statistics": self.statistics()}

    def statistics(self) -> list[Any]:
        """Give the statistics, fresh."""
        self.connection.execute("select esdb.refresh_event_statistics()")
        return self.connection.execute("select * from esdb.event_statistics order by 1, 2, 3").fetchall()

    def refusal(self, function: str, **given: Any) -> dict[str, Any]:
        """Give what SE013 says of the archive."""
        with pytest.raises(psycopg.DatabaseError) as refusal:
            call(self.connection, function, **given)
        assert refusal.value.sqlstate == "SE013"
        archived = json.loads(refusal.value.diag.message_detail or "")
        assert isinstance(archived, dict)
        return archived


@pytest.fixture
def months(db: Connection, connect: Connect) -> Months:
    return Months(db, connect)


def right_clock(connection: Connection) -> None:
    """Give the database its own clock back: `esdb verify` compares the catalog with what the migrations left."""
    connection.execute("drop function pg_catalog.clock_timestamp()")
    connection.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")


def test_from_the_append_to_the_restore(months: Months, esdb: Esdb, tmp_path: Path) -> None:
    db, positions = months.connection, [event.position for event in months.appended]
    before = months.readers()
    assert [row[0] for row in before["forward"]] == positions
    assert before["backward"] == before["forward"][::-1]
    sealed = json.loads(succeeds(esdb("partitions", "seal", "--json")))
    assert set(months.leaves) < {seal["partition"] for seal in sealed["sealed"]}
    newest = sealed["newest"]["digest"]
    assert months.readers() == before

    succeeds(archive(esdb, tmp_path, "--context", "b"))
    assert set(states(db)) >= set(months.leaves)
    archived = months.refusal("read_all")
    assert archived["partition"] == months.leaves[0]
    assert archived["location"] == str(tmp_path / months.leaves[0])
    assert (archived["min_position"], archived["max_position"]) == (1, 8)
    # the events of the notes between those of the bookmarks are served, page by page, up to what is archived
    assert months.refusal("read_all", backward=True)["partition"] == months.leaves[2]
    present = [event.position for event in months.appended[-8:]]
    assert [row[0] for row in call(db, "read_all", max_count=8, backward=True)] == present[::-1]
    assert [row[0] for row in call(db, "read_all", after_position=positions[23])] == present
    skipped = [row for row in before["forward"] if row[2] == "n" or row[0] in present]
    assert call(db, "read_all", skip_archived=True) == skipped
    assert call(db, "read_all", skip_archived=True, backward=True) == skipped[::-1]
    for function, given in (
        ("read_stream", {"aggregate_id": "long"}),
        ("load_aggregate", {"aggregate_id": "long"}),
        ("get_event", {"id": months.appended[0].id}),
        ("get_event", {"id": months.appended[0].id, "aggregate_id": "long"}),
    ):
        assert months.refusal(function, **given)["partition"] in months.leaves
    assert call(db, "load_aggregate", aggregate_id="covered") == before["covered"]
    assert call(db, "event_count") == before["count"]
    assert months.statistics() == before["statistics"]
    assert append(db, "long", expected_version=16).version == 17
    assert succeeds(esdb("verify")) == "ok\n"
    assert succeeds(esdb("verify", "--events", "--expect", newest)) == "ok\n"

    succeeds(restore(esdb, tmp_path))
    assert states(db) == {}
    after = months.readers()
    assert after["forward"][:-1] == before["forward"]
    assert after["backward"] == after["forward"][::-1]
    assert after["stream"][:-1] == before["stream"]
    assert after["stream backward"] == after["stream"][::-1]
    for name in ("covered", "event", "event of stream"):
        assert after[name] == before[name]
    assert succeeds(esdb("verify")) == "ok\n"
    assert succeeds(esdb("verify", "--events", "--expect", newest)) == "ok\n"


def test_an_archive_waits_for_who_read_before(months: Months, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    succeeds(esdb("partitions", "seal"))
    readers = {
        "select count(*) from esdb.read_stream('long')": 16,
        "select jsonb_array_length(events) from esdb.load_aggregate('long')": 16,
        f"select count(*) from esdb.get_event('{months.appended[0].id}')": 1,
        "select esdb.event_count()": 32,
        "select count(*) from esdb.events": 32,
    }
    old, idle, late = connect(), connect(), connect()
    old.execute("begin isolation level repeatable read; select count(*) from esdb.streams")
    idle.execute("begin; select 1")
    assert "2 transactions did not end" in refused(archive(esdb, tmp_path, "--wait", "0.2"), 4)
    assert set(states(months.connection).values()) == {"detaching"}
    late.execute("begin isolation level repeatable read")
    for reader, expected in readers.items():
        assert value(old, reader) == expected, reader
    old.execute("commit")
    # whoever begins from here on is told, and not waited for until the table goes
    with pytest.raises(psycopg.DatabaseError) as refusal:
        call(late, "read_stream", aggregate_id="long")
    assert refusal.value.sqlstate == "SE013"
    late.execute("rollback")
    assert "1 transactions did not end" in refused(archive(esdb, tmp_path, "--wait", "0.2"), 4)
    with pytest.raises(psycopg.DatabaseError) as refusal:
        call(idle, "read_all")
    assert refusal.value.sqlstate == "SE013"
    idle.execute("rollback")
    succeeds(archive(esdb, tmp_path))
    assert set(states(months.connection).values()) == {"archived"}
    succeeds(restore(esdb, tmp_path))
    for reader, expected in readers.items():
        assert value(months.connection, reader) == expected, reader


class Watched(psycopg.Connection[Any]):
    """A connection whose every committed step is looked at by another."""

    look: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        """Execute a statement, and look if it was committed."""
        cursor = super().execute(*arguments, **options)
        if self.info.transaction_status == TransactionStatus.IDLE:
            self.look()
        return cursor

    @contextmanager
    def transaction(self, *arguments: Any, **options: Any) -> Iterator[psycopg.Transaction]:
        """Look after a transaction."""
        with super().transaction(*arguments, **options) as transaction:
            yield transaction
        self.look()


@pytest.mark.parametrize("is_altered", [False, True], ids=["sound", "altered"])
def test_a_leaf_archived_and_restored_while_it_is_verified_is_read_anew(
    months: Months, connect: Connect, tmp_path: Path, *, is_altered: bool
) -> None:
    db = months.connection
    seal(db)
    found, work = Found(), connect()
    checks = SealChecks(db, found)
    archive_all(work, {"older_than": months.age(1), "context": "b", "keep_table": False}, tmp_path)
    run = checks.run()
    restore_all(work, [tmp_path / months.leaves[0]])
    if is_altered:
        table = f"esdb.{months.leaves[0]}"
        work.execute(f"alter table {table} disable trigger events_are_immutable")
        work.execute(f"update {table} set payload = '{{}}' where version = 1")
    list(run)
    assert bool(found.faults) == is_altered, found.faults


STATE = """
select
    p.kind,
    (select count(*) from esdb.seals),
    (select a.state from esdb.archives as a where a.partition = %(leaf)s),
    to_regclass('esdb.' || %(leaf)s) is not null,
    (select count(*) from pg_index as i where i.indrelid = to_regclass('esdb.' || %(leaf)s)),
    (select i.inhdetachpending from pg_inherits as i where i.inhrelid = to_regclass('esdb.' || %(leaf)s)),
    esdb._barrier(to_regclass('esdb.' || %(leaf)s)) is not null
from esdb.partitions as p
where p.partition = %(leaf)s
"""


@pytest.mark.parametrize("keep_table", [False, True], ids=["dropped", "kept"])
def test_verify_finds_no_fault_at_any_step(
    months: Months, db_url: str, connect: Connect, tmp_path: Path, *, keep_table: bool
) -> None:
    observer, leaf = connect(), months.leaves[0]
    seen: dict[Any, Any] = {}

    def look() -> None:
        state = observer.execute(STATE, {"leaf": leaf}).fetchone()
        if state in seen:
            return
        found = Found()
        found.add(faults(observer))
        for checks in (DataChecks(observer, found), SealChecks(observer, found, None)):
            for _ in checks.run():
                pass
        seen[state] = found.faults
        assert value(observer, "select esdb.event_count('b')") == 24

    with Watched.connect(db_url, autocommit=True) as connection:
        connection.look = look
        seal(connection, context="b")
        archive_all(connection, {"older_than": months.age(1), "context": "b", "keep_table": keep_table}, tmp_path)
        restore_all(connection, [tmp_path / leaf])
        unseal(connection, "b", months.first, "looked at")
        look()
    # closed, and then with all its indexes
    unfinished = [("month", 0, None, True, indexes, False, True) for indexes in (4, 6)]
    assert [state for state, found in seen.items() if found] == unfinished
    assert all("sealing was not finished" in seen[state][0]["fault"] for state in unfinished)
    passed = {(kind, state) for kind, _, state, *_ in seen}
    expected = {("month", None), ("archiving", "archiving"), ("archiving", "detaching"), ("detached", "detaching")}
    assert passed == expected | {("detached", "archived")} | (set() if keep_table else {("archived", "archived")})


def test_nothing_is_lost_while_months_come_and_go(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    seed = int(os.environ.get("ESDB_TEST_SEED") or random.randrange(2**32))
    print(f"ESDB_TEST_SEED={seed}")
    Clock(connect)
    now = datetime.now(UTC)
    present = utc(now.year, now.month)
    months = [month_after(first_leaf_month(db), number) for number in (-3, -2, -1)]
    for name in ("bookmark", "note"):
        make_months(db, name, months[0], 3)
        db.execute("select esdb.set_retention(%s, '8 days')", (name[0],))
    chaos = Chaos(db_url, seed, months, present, tmp_path)
    crew = Crew()
    for number in range(3):
        crew.start(chaos.work, f"writer {number}", chaos.write)
        crew.start(chaos.work, f"follower {number}", chaos.follow)
    for name, once in (
        ("reader 0", chaos.read_streams),
        ("reader 1", chaos.read_streams),
        ("counter", chaos.count),
        ("verifier", chaos.verify),
        ("operator of archives", chaos.archive_and_restore),
        ("operator of seals", chaos.seal_and_unseal),
        ("assassin", chaos.kill),
    ):
        crew.start(chaos.work, name, once)
    until = time.monotonic() + CHAOS_SECONDS
    while time.monotonic() < until:
        time.sleep(0.1)
    chaos.stop.set()
    crew.join()
    print(dict(chaos.deeds))
    # what a lock in the way, another operator or a kill ends; nothing else may
    refusals = {deed.split(maxsplit=2)[1] for deed in chaos.deeds if deed.startswith("refused")}
    assert refusals <= {"CliError", "None", "SE009", "55000", "57P01", "55P03", "40P01", "08006"}

    archive_all(db, {"older_than": None, "context": None, "keep_table": False}, tmp_path)
    folders = [Path(name) for (name,) in db.execute("select location from esdb.archives").fetchall()]
    restore_all(db, folders)
    seal(db)
    found = {event.position: event for event in read_all(db, count=10_000_000)}
    assert list(found) == sorted(found)
    committed = chaos.committed()
    assert committed
    for event in committed.values():
        assert found[event.position][1:] == (event.aggregate_id, event.version, event.event_type)
    assert value(db, "select esdb.event_count()") == len(found) == value(db, "select count(*) from esdb.events")
    right_clock(db)
    newest = value(db, "select encode(digest, 'hex') from esdb.seals order by number desc limit 1")
    assert succeeds(esdb("verify")) == "ok\n"
    assert succeeds(esdb("verify", "--events", "--expect", newest)) == "ok\n"
