"""Hot streams beside an old snapshot: their heads leave their rows and come back, whoever appends meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.feed_support import Crew, append, append_many, blocks_of, call, stored, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb
from tests.import_support import event, report, write

STREAMS = ["hot-1", "hot-2"]
Way = Callable[[Connection, str], list[tuple[str, int]]]
MANY = 3_000

_DETACHED = "select count(*) from esdb.streams where version is null"


def holding_a_snapshot(connect: Connect) -> Connection:
    holder = connect(autocommit=False)
    holder.execute("set transaction isolation level repeatable read")
    holder.execute("select count(*) from esdb.streams")
    return holder


def detached(db: Connection) -> int:
    return int(value(db, _DETACHED))


def one(connection: Connection, stream: str) -> list[tuple[str, int]]:
    return [(stream, append(connection, stream).version)]


def one_exactly(connection: Connection, stream: str) -> list[tuple[str, int]]:
    expected = value(connection, "select esdb.stream_version(%s)", (stream,))
    try:
        return [(stream, append(connection, stream, expected_version=expected).version)]
    except psycopg.DatabaseError as error:
        assert error.sqlstate == "SE001"  # noqa: PT017 - any other fails the test
        return []


def several(connection: Connection, stream: str) -> list[tuple[str, int]]:
    return [(stream, event.version) for event in append_many(connection, stream, 3)]


def to_both(connection: Connection, _: str) -> list[tuple[str, int]]:
    event = {"event_type": "Happened", "payload": {}}
    appends = [{"aggregate_id": stream, "events": [event]} for stream in STREAMS]
    return [(row[0], row[2]) for row in call(connection, "append_to_streams", appends=Jsonb(appends))]


@pytest.mark.parametrize("ways", [[one, one_exactly], [several], [to_both], [one, one_exactly, several, to_both]])
def test_heads_move_while_everybody_goes_on(db: Connection, connect: Connect, ways: list[Way]) -> None:
    for stream in STREAMS:
        append(db, stream)
    holder = holding_a_snapshot(connect)
    done = threading.Event()
    won: list[tuple[str, int]] = []

    def write(connection: Connection, way: Way, stream: str) -> None:
        while not done.is_set():
            won.extend(way(connection, stream))

    crew = Crew()
    for way in ways:
        for stream in STREAMS:
            crew.start(write, connect(), way, stream)
    try:
        until(lambda: detached(db) == len(STREAMS), "both heads are detached")
        before = len(won)
        until(lambda: len(won) >= before + 500, "appends go on")
        assert detached(db) == len(STREAMS)
        holder.rollback()
        until(lambda: detached(db) == 0, "both are attached again")
    finally:
        done.set()
        crew.join()
    assert value(db, "select count(*) from esdb.detached_heads") == 0
    events = stored(db)
    for stream in STREAMS:
        versions = [event.version for event in events if event.aggregate_id == stream]
        assert versions == list(range(1, len(versions) + 1))
        assert sorted(version for name, version in won if name == stream) == versions[1:]
        assert value(db, "select esdb.stream_version(%s)", (stream,)) == len(versions)


def test_versions_that_nobody_can_remove_cost_nothing(db: Connection, connect: Connect) -> None:
    for stream in STREAMS:  # beside a second head the planner would rather read the table
        append(db, stream)
    holding_a_snapshot(connect)
    for stream in STREAMS:
        loop = f"for n in 1 .. {MANY} loop perform esdb.append_event('{stream}', 'Happened', '{{}}'); commit; end loop;"
        db.execute(f"do $$ begin {loop} end $$")
    assert detached(db) == len(STREAMS)
    db.execute("analyze esdb.detached_heads")
    assert value(db, "select pg_relation_size('esdb.detached_heads') / 8192") > 25
    for query in (
        f"select * from esdb._streams where aggregate_id = '{STREAMS[0]}'",
        f"select esdb._advance_detached_head('{STREAMS[0]}', 1, null, null, null, null)",
    ):
        db.execute(query.encode())  # so that it is planned
        assert blocks_of(db, query) < 40


def test_a_snapshot_older_than_the_head_is_told_to_try_again(db: Connection, connect: Connect) -> None:
    append(db, "s")
    db.execute("select esdb._detach_head('s')")
    late = holding_a_snapshot(connect)
    append(db, "s")
    with pytest.raises(psycopg.errors.SerializationFailure):
        append(late, "s")
    late.rollback()
    assert append(late, "s").version == 3


def test_a_rolled_back_append_leaves_the_head(db: Connection, connect: Connect) -> None:
    append(db, "s")
    db.execute("select esdb._detach_head('s')")
    writer = connect(autocommit=False)
    assert append(writer, "s").version == 2
    with writer.transaction(force_rollback=True):
        assert append(writer, "s").version == 3
    assert append(writer, "s").version == 3
    writer.commit()
    assert append(db, "s", expected_version=3).version == 4


@pytest.mark.parametrize("moves", [["_detach_head"], ["_detach_head", "_attach_head"]])
def test_who_waits_for_a_stream_meets_it_where_it_was_moved_to(
    db: Connection, connect: Connect, moves: list[str]
) -> None:
    append(db, "s")
    holder = connect(autocommit=False)
    for move in moves:
        holder.commit()
        holder.execute(f"select esdb.{move}('s')")
    crew = Crew()
    waiting = connect()
    got: list[int] = []
    crew.start(lambda: got.append(append(waiting, "s", expected_version=1).version))
    until(lambda: waits_for_a_lock(db, waiting.info.backend_pid), "it waits for the row")
    holder.commit()
    crew.join()
    assert got == [2]


def test_an_import_goes_on_where_a_detached_head_stands(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    for numbers in ((1, 2), (3, 4)):
        file = write(tmp_path / "events.jsonl", [event(number, "s", number) for number in numbers])
        assert report(esdb("import", file, "--json"))["events"] == 2
        assert detached(db) == 0
        db.execute("select esdb._detach_head('s')")
    # a part that is known is compared, not split
    file = write(tmp_path / "events.jsonl", [event(number, "s", number) for number in (4, 5)])
    assert report(esdb("import", file, "--dry-run", "--json"))["events"] == 1
    assert detached(db) == 1
    assert report(esdb("import", file, "--json"))["events"] == 1
    assert detached(db) == 0
    assert value(db, "select esdb.stream_version('s')") == 5
    assert esdb("verify").returncode == 0
