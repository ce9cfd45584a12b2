"""`esdb verify` finds what is wrong with the data, and nothing that is right, appends going on or not."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from esdb_cli.data_checks import MOST_SHOWN, DataChecks, Found
from esdb_cli.partitions import _next_phase, create_next, plan, render_steps
from tests.databases import Databases
from tests.feed_clock import Clock, first_leaf_month, leaf_name, month_after, set_clock, touched_leaves
from tests.feed_support import DEADLINE, Crew, append, append_many, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb


def lines(connection: Connection, stream: str | None = None) -> list[str]:
    """Give the faults of the data as `esdb verify` prints them."""
    found = Found()
    for _ in DataChecks(connection, found, stream).run():
        pass
    assert not found.left_out
    return [f"{fault['kind']} {fault['name']}: {fault['fault']}" for fault in found.faults]


class Store:
    """A store whose streams live in months, in a span and in the overflow; the names of its leaves and months."""

    def __init__(self, connection: Connection, connect: Connect) -> None:
        self.connection = connection
        clock = Clock(connect)
        start = first_leaf_month(connection)
        end = value(connection, "select min(lower_bound) from esdb.partitions where kind = 'overflow'")
        months = [start, month_after(start), end, month_after(end), month_after(end, 6)]
        with clock.connect(start) as writer:
            for number, month in enumerate(months):
                set_clock(writer, month + timedelta(days=2))
                if number == 4:
                    create_next(writer)
                    set_clock(writer, month_after(end, 12))
                append_many(writer, "s", 2)
                if number == 0:
                    append_many(writer, "solo", 4, idempotency_key="key")
                    append(writer, "note", bounded_context="n")
                if number == 2:
                    append_many(writer, "late", 2)
        spanned = "select partition from esdb.partitions where bounded_context = 'b' and kind = 'span'"
        self.names = {
            "first": f"esdb.{leaf_name('bookmark', months[0])}",
            "second": f"esdb.{leaf_name('bookmark', months[1])}",
            "span": f"esdb.{value(connection, spanned)}",
            "overflow": "esdb.events_bookmark_overflow",
            "note_leaf": "esdb.{}".format(
                value(
                    connection,
                    "select partition from esdb.partitions where bounded_context = 'n' and lower_bound <= %s"
                    " and coalesce(upper_bound > %s, true)",
                    (months[2], months[2]),
                )
            ),
            **{f"month{number}": f"{month:%Y-%m}" for number, month in enumerate(months)},
        }
        connection.execute("insert into esdb.snapshots values ('s', 10, '{}'), ('solo', 2, '{}')")

    def damage(self, statements: str) -> None:
        """Do as an owner might who turns the triggers off."""
        for leaf in ("first", "second", "span", "overflow"):
            self.connection.execute(f"alter table {self.names[leaf]} disable trigger events_are_immutable")
        self.connection.execute(statements.format(**self.names))


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Store]:
    """A sound store; each test undoes what it breaks."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        made = Store(connection, lambda **_: psycopg.connect(url, autocommit=True))
        assert lines(connection) == []
        yield made
    databases.drop(url)


DAMAGES = {
    "version lost in the middle": (
        "delete from {first} where aggregate_id = 'solo' and version = 3",
        ["stream versions solo: a gap or a duplicate before version 4, 1 in all (in {first})"],
    ),
    "two versions lost": (
        "delete from {first} where aggregate_id = 'solo' and version in (2, 4)",
        [
            "stream versions solo: a gap or a duplicate before version 3, 1 in all (in {first})",
            "stream versions solo: {month0} ends with version 3, by the stream's row and months with 4 (in {first})",
        ],
    ),
    "first version lost": (
        (
            "delete from {first} where aggregate_id = 's' and version = 1; update esdb.streams set created_at ="
            " (select min(timestamp) from {first} where aggregate_id = 's') where aggregate_id = 's'"
        ),
        ["stream versions s: {month0} begins with version 2, noted is 1 (in {first})"],
    ),
    "last version of a month lost": (
        "delete from {second} where aggregate_id = 's' and version = 4",
        ["stream versions s: {month1} ends with version 3, by the stream's row and months with 4 (in {second})"],
    ),
    "newest version lost": (
        "delete from {overflow} where aggregate_id = 's' and version = 10",
        ["stream versions s: {last} ends with version 9, by the stream's row and months with 10 (in {overflow})"],
    ),
    "a month of the span lost": (
        "delete from {span} where aggregate_id = 's' and version in (7, 8)",
        ["stream versions s: versions 7 to 8, noted for {month3}, are missing (in {span})"],
    ),
    "all of a stream's month lost": (
        "delete from {second} where aggregate_id = 's'",
        ["stream versions s: versions 3 to 4, noted for {month1}, are missing (in {second})"],
    ),
    "a version lost in the span": (
        "delete from {span} where aggregate_id = 'late' and version = 2",
        ["stream versions late: {month2} ends with version 1, by the stream's row and months with 2 (in {span})"],
    ),
    "a version twice": (
        (
            "alter table {first} drop constraint {first_name}_version, drop constraint {first_name}_position;"
            "update {first} set version = 2 where aggregate_id = 'solo' and version = 3"
        ),
        ["stream versions solo: a gap or a duplicate before version 2, 2 in all (in {first})"],
    ),
    "a version in two months": (
        "update {second} set version = 2 where aggregate_id = 's' and version = 3",
        [
            "stream versions s: a gap or a duplicate before version 4, 1 in all (in {second})",
            "stream versions s: {month1} begins with version 2, noted is 3 (in {second})",
        ],
    ),
    "stream's version too high": (
        "update esdb.streams set version = 5 where aggregate_id = 'solo'",
        ["stream versions solo: {month0} ends with version 4, by the stream's row and months with 5 (in {first})"],
    ),
    "stream's version too low": (
        "update esdb.streams set version = 1 where aggregate_id = 'late'",
        ["stream versions late: {month2} ends with version 2, by the stream's row and months with 1 (in {span})"],
    ),
    "stream without events": (
        "delete from {first} where aggregate_id = 'solo'",
        ["stream versions solo: versions 1 to 4, noted for {month0}, are missing (in {first})"],
    ),
    "stream at version 0": (
        (
            "delete from {span} where aggregate_id = 'late';"
            "update esdb.streams set version = 0 where aggregate_id = 'late'"
        ),
        [
            (
                "stream versions late: no event of {month2}, which is noted to begin with version 1;"
                " the stream is at version 0 (in {span})"
            )
        ],
    ),
    "events without a stream": (
        (
            "delete from esdb.idempotency_keys; delete from esdb.snapshots where aggregate_id = 'solo';"
            " delete from esdb.streams where aggregate_id = 'solo'"
        ),
        ["stream missing solo: there is no such stream, but versions 1 to 4 (in {first})"],
    ),
    "events without a stream in the span": (
        "delete from esdb.streams where aggregate_id = 'late'",
        ["stream missing late: there is no such stream, but versions 1 to 2 (in {span})"],
    ),
    "month not noted": (
        "delete from esdb.stream_months where aggregate_id = 's' and first_version = 7",
        [
            "stream months s: versions 7 to 8 are of {month3}, a month that the stream does not note (in {span})",
            "stream versions s: {month2} ends with version 6, by the stream's row and months with 8 (in {span})",
        ],
    ),
    "month noted with another version": (
        "update esdb.stream_months set first_version = 4 where aggregate_id = 's' and first_version = 3",
        [
            "stream versions s: {month0} ends with version 2, by the stream's row and months with 3 (in {first})",
            "stream versions s: {month1} begins with version 3, noted is 4 (in {second})",
        ],
    ),
    "month noted of no stream": (
        "insert into esdb.stream_months values ('nobody', '{month1}-01 00:00:00Z', 2)",
        ["stream months nobody: a month is noted, {month1}, but there is no such stream"],
    ),
    "month_version": (
        "update esdb.streams set month_version = 10 where aggregate_id = 's'",
        ["stream months s: month_version is 10, but its newest month begins with version 9 (in {overflow})"],
    ),
    "type of events": (
        "update {span} set aggregate_type = 'other' where aggregate_id = 's' and version = 5",
        ["stream type s: the stream is of type bookmark, events of type other (in {span})"],
    ),
    "type of a stream": (
        "update esdb.streams set aggregate_type = 'other' where aggregate_id = 'solo'",
        ["stream type solo: the stream is of type other, events of type bookmark (in {first})"],
    ),
    "times turned round": (
        (
            "update {first} set timestamp = timestamp + interval '1 hour' where aggregate_id = 'solo' and version = 2;"
            "update esdb.streams set updated_at = updated_at + interval '1 hour' where aggregate_id = 'solo'"
        ),
        ["stream times solo: the timestamp of version 3 is before that of the version before (in {first})"],
    ),
    "positions turned round": (
        "update {first} set position = position + 1000 where aggregate_id = 'solo' and version = 2",
        ["stream times solo: the position of version 3 is not above that of the version before (in {first})"],
    ),
    "no partition for its month": (
        "update esdb.streams set created_at = '2001-05-05Z' where aggregate_id = 'solo'",
        [
            "stream months solo: versions 1 to 4 are of {month0}, a month that the stream does not note (in {first})",
            (
                "stream months solo: no partition of context b holds 2001-05, in which 1 streams have events,"
                " this one the first"
            ),
        ],
    ),
    "an id in two months": (
        (
            "update {second} set id = (select id from {first} where aggregate_id = 'solo' and version = 1)"
            " where aggregate_id = 's' and version = 3"
        ),
        ["event id {id}: given to more than one event: solo version 1 in {first}, s version 3 in {second}"],
    ),
    "an id in the span and the overflow": (
        (
            "update {overflow} set id = '!' where aggregate_id = 's' and version = 9;"
            "update {span} set id = '!' where aggregate_id = 's' and version = 5"
        ),
        ["event id !: given to more than one event: s version 5 in {span}, s version 9 in {overflow}"],
    ),
    "the last of all ids": (
        (
            "update {overflow} set id = '~' where aggregate_id = 's' and version = 9;"
            "update {span} set id = '~' where aggregate_id = 's' and version = 5"
        ),
        ["event id ~: given to more than one event: s version 5 in {span}, s version 9 in {overflow}"],
    ),
    "snapshot ahead": (
        "update esdb.snapshots set version = 11 where aggregate_id = 's'",
        ["snapshot s: of version 11, ahead of the stream, which is at version 10"],
    ),
    "snapshot of no stream": (
        (
            "alter table esdb.snapshots drop constraint snapshots_aggregate_id_fkey;"
            "insert into esdb.snapshots values ('nobody', 1, '{{}}')"
        ),
        ["snapshot nobody: of version 1, but there is no such stream"],
    ),
    "key beyond the stream": (
        "update esdb.idempotency_keys set first_version = 2",
        ["idempotency key key of solo: names 4 events from version 2 on, but the stream is at version 4"],
    ),
    "key of no stream": (
        "update esdb.idempotency_keys set aggregate_id = 'nobody'",
        ["idempotency key key of nobody: there is no such stream"],
    ),
    "stream of another context": (
        "update esdb.streams set bounded_context = 'n' where aggregate_id = 'late'",
        [
            "stream context late: the stream is in context n, its versions 1 to 2 in b (in {span})",
            "stream versions late: versions 1 to 2, noted for {month2}, are missing (in {note_leaf})",
        ],
    ),
}


@pytest.mark.parametrize(("damage", "faults"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_to_the_data_is_named(store: Store, damage: str, faults: list[str]) -> None:
    connection = store.connection
    names = {
        **store.names,
        "first_name": store.names["first"].removeprefix("esdb."),
        "last": value(connection, "select to_char(max(month), 'YYYY-MM') from esdb.stream_months"),
        "id": value(connection, "select id from esdb.events where aggregate_id = 'solo' and version = 1"),
    }
    store.names.update(names)
    with connection.transaction(force_rollback=True):
        store.damage(damage)
        found = lines(connection)
        assert sorted(found) == sorted(fault.format(**names) for fault in faults)


def test_a_stream_alone_is_checked_in_its_partitions_alone(store: Store) -> None:
    connection = store.connection
    with connection.transaction(force_rollback=True):
        assert lines(connection, "s") == []
        assert {f"esdb.{name}" for name in touched_leaves(connection)} == {
            store.names[leaf] for leaf in ("first", "second", "span", "overflow")
        }
    with connection.transaction(force_rollback=True):
        assert lines(connection, "solo") == []
        assert touched_leaves(connection) == {store.names["first"].removeprefix("esdb.")}
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
            assert [line.partition(": given")[0] for line in lines(connection)] == ["event id 0", "event id b"], count


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
        assert [step["action"] for step in _next_phase(maintenance, None)] == [action]
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
            if dice.random() < 0.3:
                append_many(connection, stream, dice.randrange(1, 40), **context)
            else:
                append(connection, stream, idempotency_key=f"{number}-{step // 2}-{stream}", **context)

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
    assert value(db, "select count(*) from esdb.partitions where kind = 'span'") > 0
