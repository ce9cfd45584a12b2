"""First appends of an epoch that roll back, linger, are prepared, killed or many at once; epochs on demand."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.epoch_support import EPOCHS, refused
from tests.feed_support import (
    PERFECT,
    Crew,
    Writers,
    append,
    append_many,
    judge,
    mark,
    random_of,
    read_all,
    stored,
    until,
    value,
)
from tests.fixtures import Connect, Connection, Esdb


def reset(connection: Connection) -> None:
    """Do to the sequences what a crash does, without one."""
    for (name,) in connection.execute(
        "select oid::regclass::text from pg_class"
        " where relkind = 'S' and relpersistence = 'u' and relnamespace = 'esdb'::regnamespace"
    ).fetchall():
        connection.execute("select setval(%s::regclass, 0, false)", (name,))


def test_a_new_store_begins_at_one_and_has_one_epoch(db: Connection) -> None:
    assert append(db, "s").position == 1
    assert db.execute(EPOCHS).fetchall() == [(1, 0, 1)]


def test_an_epoch_whose_first_append_is_rolled_back_is_there_all_the_same(db: Connection) -> None:
    kept = append(db, "s").position
    reset(db)
    with db.transaction(force_rollback=True):
        first = append(db, "s").position
        assert refused_inside(db, kept + 5) == "SE022"
    assert db.execute(EPOCHS).fetchall() == [(1, 0, 1)]
    assert refused(db, kept + 5)["first_position"] == first  # not in the table, and known
    last = append(db, "s").position
    assert db.execute(EPOCHS).fetchall() == [(1, 0, 1), (2, kept, first)]
    assert last == first + 1
    assert read_all(db, kept)[0].position == last


def refused_inside(connection: Connection, cursor: int) -> str | None:
    with pytest.raises(psycopg.DatabaseError) as error, connection.transaction():
        read_all(connection, cursor)
    return error.value.sqlstate


def test_whoever_commits_first_brings_the_epoch(db: Connection, connect: Connect) -> None:
    """The first append lingers, another is prepared, a third is in a savepoint that is given up."""
    kept = append(db, "s").position
    reset(db)
    lingerer, preparer, saver = connect(), connect(), connect()
    with lingerer.transaction(force_rollback=True):
        first = append(lingerer, "l").position
        preparer.execute("begin")
        append(preparer, "p")
        preparer.execute(f"prepare transaction '{db.info.dbname}'")
        with saver.transaction():
            with saver.transaction(force_rollback=True):
                append(saver, "sp")
            assert db.execute(EPOCHS).fetchall() == [(1, 0, 1)]
            append(saver, "sp")
        assert db.execute(EPOCHS).fetchall() == [(1, 0, 1), (2, kept, first)]
        assert value(db, "select pg_sequence_last_value('esdb.wake_clock')") is None
        append(db, "s")
        assert value(db, "select pg_sequence_last_value('esdb.wake_clock')") is not None
    preparer.execute(f"commit prepared '{db.info.dbname}'")
    assert db.execute(EPOCHS).fetchall() == [(1, 0, 1), (2, kept, first)]
    until(lambda: len(read_all(db, kept)) == 3, "the three events")


def test_many_first_appends_begin_one_epoch(db: Connection, connect: Connect) -> None:
    kept = append(db, "s").position
    for round_number in range(5):
        reset(db)
        crew = Crew()
        for number in range(12):
            crew.start(append, connect(), f"s-{round_number}-{number}")
        crew.join()
    assert value(db, "select count(*) from esdb.epochs") == 6
    positions = [event.position for event in stored(db)]
    assert [event.position for event in read_all(db)] == positions
    assert len(positions) == 61
    assert positions[0] == kept


def test_a_forced_epoch_beside_appends_loses_and_skips_nothing(db: Connection, connect: Connect) -> None:
    reader = connect()
    with Writers(connect) as writers:
        seen = read_all(reader)
        for _ in range(3):
            db.execute("select esdb.recover('a drill', true)")
            writers.go_on()
            seen += read_all(reader, seen[-1].position)
    events = stored(db)
    until(lambda: mark(reader) >= events[-1].position, "the mark")
    while seen[-1].position < events[-1].position:
        seen += read_all(reader, seen[-1].position)
    assert judge(seen, events) == PERFECT
    assert value(db, "select count(*) from esdb.epochs") == 4


def test_positions_that_run_out_are_told_and_refused(db: Connection) -> None:
    append(db, "s")
    db.execute("select setval('esdb.event_position', 281474976710655 - 1000)")
    faults = db.execute("select fault from esdb_meta.sequence_faults()").fetchall()
    assert len(faults) == 1
    assert "few positions are left" in faults[0][0]
    db.execute("select esdb.recover(force => true)")
    assert append(db, "s").position == 281474976710655 - 499
    db.execute("select setval('esdb.event_position', 281474976710655)")
    with pytest.raises(psycopg.errors.SequenceGeneratorLimitExceeded):
        append(db, "s")


def test_first_appends_that_are_killed_leave_whole_epochs(db: Connection, connect: Connect) -> None:
    """Sessions are ended wherever they happen to be: no event is without its epoch, none lies in a lost range."""
    append(db, "s")
    for round_number in range(12):
        reset(db)
        writers = [connect() for _ in range(6)]
        pids = [writer.info.backend_pid for writer in writers]
        crew = Crew()
        for number, writer in enumerate(writers):
            crew.start(append_or_die, writer, f"s-{round_number}-{number}")
        for pid in random_of(4711, round_number).sample(pids, 4):
            db.execute("select pg_terminate_backend(%s)", (pid,))
        crew.join()
    append(db, "s")
    newest = value(db, "select pg_sequence_last_value('esdb.epoch_start')")
    assert value(db, "select max(first_position) from esdb.epochs") == newest
    assert value(db, "select count(*) from esdb.epochs as e join esdb.epochs as f on f.number = e.number + 1"
                 " where f.last_position < e.first_position - 1") == 0  # fmt: skip
    misplaced = db.execute(
        "select e.position from esdb.events as e join esdb.epochs as p"
        " on e.position > p.last_position and e.position < p.first_position"
    ).fetchall()
    assert misplaced == []
    events = stored(db)
    until(lambda: mark(db) >= events[-1].position, "the mark")
    assert read_all(db) == events


def append_or_die(connection: Connection, stream: str) -> None:
    try:
        with connection.transaction():
            append(connection, stream)
            append(connection, stream)
    except psycopg.OperationalError:
        assert connection.broken


def test_an_export_goes_over_the_epochs(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    for _ in range(3):
        append_many(db, "s", 10)
        db.execute("select esdb.recover(force => true)")
    append(db, "s")
    events = stored(db)
    until(lambda: mark(db) >= events[-1].position, "the mark")
    for arguments in ([], ["--after-position", str(events[12].position)]):
        file = tmp_path / f"all-{len(arguments)}"
        result = esdb("export", str(file), *arguments)
        assert result.returncode == 0, result.stderr
        exported = [json.loads(line)["position"] for line in file.read_text().splitlines()]
        assert exported == [event.position for event in events if not arguments or event.position > events[12].position]
