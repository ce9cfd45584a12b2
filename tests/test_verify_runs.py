"""How `esdb verify` goes through the data: one stream, page by page, beside appends and maintenance; what it prints."""

from __future__ import annotations

import json
import os
import pty
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from esdb_cli.data_checks import MOST_SHOWN, DataChecks, Found
from esdb_cli.exceptions import InvalidArgument, StreamDeleted, StreamNotFound
from esdb_cli.partitions import create_next, first_phase, plan, render_steps
from tests.databases import Databases, environment, esdb_program
from tests.feed_clock import Clock, first_leaf_month, month_after, set_clock
from tests.feed_support import DEADLINE, Crew, append, append_many, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb
from tests.verified_store import Store, lines, sound_store


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Store]:
    """A sound store; each test undoes what it breaks."""
    with sound_store(databases) as made:
        yield made


def test_a_stream_alone_is_compared_in_its_partitions_alone(store: Store) -> None:
    connection = store.connection
    for stream, leaves in {"s": ("first", "second", "span", "overflow"), "solo": ("first",)}.items():
        assert lines(connection, stream) == []
        visited = connection.execute("select 'esdb.' || partition from esdb_meta.leaves(%s)", (stream,)).fetchall()
        assert sorted(visited) == sorted((store.names[leaf],) for leaf in leaves)
    with connection.transaction(force_rollback=True):
        store.damage(
            "delete from {first} where aggregate_id = 'solo' and version = 3;"
            "delete from {second} where aggregate_id = 's' and version = 4;"
            "update esdb.snapshots set version = 11 where aggregate_id = 's';"
            "update esdb.idempotency_keys set first_version = 2"
        )
        assert lines(connection, "late") == []
        assert [line.partition(" (in")[0] for line in lines(connection, "solo")] == [
            "stream versions solo: a gap or a duplicate before version 4, 1 in all",
            "idempotency key key of solo: names 4 events from version 2 on, but the stream is at version 4",
        ]
        assert [line.partition(":")[0] for line in lines(connection, "s")] == ["stream versions s", "snapshot s"]


def test_ids_are_compared_across_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = store.connection
    total = value(connection, "select count(*) from esdb.events")
    with connection.transaction(force_rollback=True):
        store.damage(
            "update {first} set id = 'b' where aggregate_id = 'solo' and version = 1;"
            "update {second} set id = 'b' where aggregate_id = 's' and version = 3;"
            "update {span} set id = 'b' where aggregate_id = 's' and version = 5;"
            "update {first} set id = 'a' where aggregate_id = 'solo' and version = 2;"
            "update {overflow} set id = '0' where version = 9;"
            "update {span} set id = '0' where aggregate_id = 's' and version = 7"
        )
        for count in range(1, total + 2):
            monkeypatch.setattr("esdb_cli.data_checks.IDS_AT_ONCE", count)
            # of all checks this one alone, so often
            found = Found()
            list(DataChecks(connection, found)._compare_ids())
            assert [(fault["kind"], fault["name"]) for fault in found.faults] == [("event id", "0"), ("event id", "b")]
        assert [line.partition(": given")[0] for line in lines(connection)] == ["event id 0", "event id b"]


def test_of_many_faults_the_first_are_shown_and_the_others_counted(db: Connection, esdb: Esdb) -> None:
    for number in range(MOST_SHOWN + 20):
        append(db, f"s-{number:03}", id=f"id-{number:03}")
    append_many(db, "fine", 3)
    for number in range(MOST_SHOWN + 5):
        append(db, f"n-{number:03}", bounded_context="n", id=f"id-{number:03}")
    db.execute("update esdb.streams set version = 7, aggregate_type = 'other' where aggregate_id like 's-%'")
    result = esdb("verify")
    assert result.returncode == 3
    printed = result.stdout.splitlines()
    assert len(printed) == 3 * MOST_SHOWN + 3
    assert printed[-3:] == ["stream type: and 20 more", "stream versions: and 20 more", "event id: and 5 more"]
    assert [line.split(":")[0] for line in printed if line.startswith("stream type s-")] == [
        f"stream type s-{number:03}" for number in range(MOST_SHOWN)
    ]
    as_json = json.loads(esdb("verify", "--json").stdout)
    assert as_json["ok"] is False
    assert as_json["left_out"] == {"stream type": 20, "stream versions": 20, "event id": 5}
    assert len(as_json["faults"]) == 3 * MOST_SHOWN
    assert set(as_json["faults"][0]) == {"kind", "name", "fault"}
    one = esdb("verify", "--stream", "s-007")
    assert (one.returncode, len(one.stdout.splitlines())) == (3, 2)


def test_the_schema_alone_and_a_stream_alone(db: Connection, esdb: Esdb) -> None:
    append(db, "it's\nodd")
    append(db, "b")
    db.execute("update esdb.streams set version = 2 where aggregate_id = 'b'")
    assert esdb("verify").returncode == 3
    assert esdb("verify", "--schema-only").stdout == "ok\n"
    assert esdb("verify", "--stream", "it's\nodd").stdout == "ok\n"
    assert esdb("verify", "--stream", "b").returncode == 3
    unknown = esdb("verify", "--stream", "c")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no stream c" in unknown.stderr
    db.execute("delete from esdb.streams where aggregate_id = 'b'")
    lost = esdb("verify", "--stream", "b")
    assert (lost.returncode, lost.stderr) == (3, "")
    assert lost.stdout.startswith("stream missing b: there is no such stream, but versions 1 to 1 (in ")
    assert esdb("verify", "--stream", "b", "--schema-only").returncode == 2


def test_a_stream_in_a_database_without_the_store(empty_db_url: str, esdb: Esdb) -> None:
    result = esdb("verify", "--stream", "s", url=empty_db_url)
    assert result.returncode == 1
    assert "run `esdb migrate`" in result.stderr


def test_a_maintainer_may_verify_the_data(store: Store) -> None:
    with store.connection.transaction(force_rollback=True):
        store.connection.execute("set role esdb_maintainer")
        assert lines(store.connection) == []
        assert lines(store.connection, "s") == []


def test_a_table_that_is_no_leaf_has_no_faults_and_is_not_read(store: Store) -> None:
    for name in ("esdb.streams", "pg_catalog.pg_class", "esdb.events", "esdb.events_bookmark"):
        query = "select count(*) from esdb_meta.leaf_faults(%s::regclass::oid)"
        assert value(store.connection, query, (name,)) == 0
    assert value(store.connection, "select count(*) from esdb_meta.leaf_faults(0)") == 0


def test_streams_noted_before_are_compared_one_by_one(db: Connection) -> None:
    """One that has lost its events does not hide behind one that came since: as many are noted, but not the same."""
    append(db, "lost", bounded_context="n")
    (noted,) = db.execute(
        "select leaf, noted_count, noted_hash from esdb_meta.leaves() where noted_count > 0"
    ).fetchall()
    faults = "select name, fault from esdb_meta.leaf_faults(%s, null, 100, %s, %s)"
    assert noted[1] == 1
    assert db.execute(faults, noted).fetchall() == []
    append(db, "new", bounded_context="n")
    assert db.execute(faults, noted).fetchall() == []
    db.execute("set session_replication_role = replica; alter table esdb.events_note disable trigger all")
    leaf = value(db, "select %s::oid::regclass", (noted[0],))
    db.execute(
        f"alter table {leaf} disable trigger events_are_immutable; delete from {leaf} where aggregate_id = 'lost'"
    )
    ((name, fault),) = db.execute(faults, noted).fetchall()
    assert name == "lost"
    assert "versions 1 to 1" in fault


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY"])
def test_any_zone_and_style_will_do(store: Store, style: str) -> None:
    for zone in ("Asia/Kolkata", "America/St_Johns", "Asia/Shanghai"):
        with store.connection.transaction(force_rollback=True):
            store.connection.execute(
                "select set_config('timezone', %s, true), set_config('datestyle', %s, true)", (zone, style)
            )
            assert lines(store.connection) == []
            assert lines(store.connection, "s") == []


def test_an_overflow_that_becomes_a_span_while_its_check_waits(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    end = value(db, "select min(lower_bound) from esdb.partitions where kind = 'overflow'")
    month = month_after(end)
    append(clock.connect(month), "s")
    append(clock.connect(month), "lost")
    db.execute("delete from esdb.streams where aggregate_id = 'lost'")
    leaf = value(db, "select 'esdb.events_bookmark_overflow'::regclass::oid")
    maintenance = clock.connect(month)
    for action in ("bound_overflow", "validate_overflow"):
        steps = first_phase(plan(maintenance, None))
        assert [step["action"] for step in steps] == [action]
        for statement in render_steps(steps):
            maintenance.execute(sql.SQL(statement))
    maintenance.execute("begin")
    for statement in render_steps([step for step in plan(maintenance, None) if step["context_name"] == "bookmark"]):
        maintenance.execute(sql.SQL(statement))
    found: list[tuple[Any, ...]] = []
    checker = connect()

    def check() -> None:
        found.extend(checker.execute("select * from esdb_meta.leaf_faults(%s)", (leaf,)).fetchall())

    crew = Crew()
    crew.start(check)
    until(lambda: waits_for_a_lock(db, checker.info.backend_pid), "the check waits for the DDL")
    append(maintenance, "s")
    maintenance.execute("commit")
    crew.join()
    ((kind, name, fault, total),) = found
    assert (kind, name, total) == ("stream missing", "lost", 1)
    assert value(db, "select partition from esdb.partitions where kind = 'span'") in fault
    assert [line.partition(":")[0] for line in lines(db)] == ["stream missing lost"]


def any_write(connection: Connection, dice: random.Random, stream: str, idempotency_key: str, **context: str) -> None:
    chance = dice.random()
    if chance < 0.2:
        connection.execute("select esdb.delete_stream(%s)", (stream,))
    elif chance < 0.4:
        connection.execute("select esdb.restore_stream(%s)", (stream,))
    elif chance < 0.6:
        append_many(connection, stream, dice.randrange(1, 40), **context)
    else:
        append(connection, stream, idempotency_key=idempotency_key, **context)


def test_no_false_alarm_while_appends_and_maintenance_go_on(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    start = first_leaf_month(db)
    done: list[int] = []
    gate = threading.Barrier(5)

    def write(connection: Connection, number: int) -> None:
        try:
            append_all(connection, random.Random(number), number)
        finally:
            gate.abort()
            done.append(number)

    def append_all(connection: Connection, dice: random.Random, number: int) -> None:
        for step in range(150):
            # months pass for all alike: through the leaves made ahead into the overflow
            if step % 15 == 0 and step:
                gate.wait(DEADLINE)
            set_clock(connection, month_after(start, step // 15) + timedelta(days=dice.randrange(27)))
            stream = f"s-{dice.randrange(12)}"
            context = {"bounded_context": "b" if int(stream[2:]) % 3 else "n"}
            with suppress(StreamDeleted, StreamNotFound, InvalidArgument):
                any_write(connection, dice, stream, idempotency_key=f"{number}-{step // 2}-{stream}", **context)

    def maintain(connection: Connection) -> None:
        for month in range(9):
            set_clock(connection, month_after(start, month))
            create_next(connection, months=0)
            gate.wait(DEADLINE)

    crew = Crew()
    for number in range(4):
        crew.start(write, clock.connect(start), number)
    crew.start(maintain, clock.connect(start))
    rounds = 0
    while len(done) < 4 or rounds < 3:
        assert lines(db) == []
        rounds += 1
    crew.join()
    assert lines(db) == []
    for event_type in ("StreamDeleted", "StreamRestored"):
        assert value(db, "select count(*) from esdb.events where event_type = %s", (event_type,)) > 0
    assert value(db, "select count(*) from esdb.partitions where kind = 'span'") > 0


def test_a_terminal_sees_the_progress_and_nobody_else(db: Connection, db_url: str, esdb: Esdb) -> None:
    append(db, "s")
    assert esdb("verify").stderr == ""
    terminal, its_end = pty.openpty()
    run = subprocess.run(
        [esdb_program(), "verify"],
        env=environment(db_url),
        stdout=subprocess.PIPE,
        stderr=its_end,
        text=True,
        check=True,
    )
    os.close(its_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert run.stdout == "ok\n"
    assert "reading events" in shown
    assert "100%" in shown
