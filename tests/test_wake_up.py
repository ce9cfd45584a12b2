"""Appends wake who listens: a hint, coalesced, that breaks no prepared transaction."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.server import LocalServer
from tests.databases import Databases
from tests.feed_support import append, append_many, until, value
from tests.fixtures import Connection, NewServer

APPENDS = {
    "append_event": "select esdb.append_event('s', 'T', '{}', bounded_context => 'b', group_context => 'm')",
    "append_events": 'select esdb.append_events(\'s\', \'[{"event_type": "T", "payload": {}}]\','
    " bounded_context => 'b', group_context => 'm')",
    "append_to_streams": 'select esdb.append_to_streams(\'[{"aggregate_id": "s", "bounded_context": "b",'
    ' "group_context": "m", "events": [{"event_type": "T", "payload": {}}]}]\')',
}


@pytest.fixture
def store(new_server: NewServer) -> str:
    """A store on a server that allows no prepared transactions, as servers do unless told otherwise."""
    server: LocalServer = new_server(durable=False, settings={"max_prepared_transactions": 0})
    return Databases(server).migrated()


@pytest.fixture
def writer(store: str) -> Iterator[Connection]:
    with psycopg.connect(store, autocommit=True) as connection:
        yield connection


@pytest.fixture
def listener(store: str) -> Iterator[Connection]:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("listen esdb")
        yield connection


def rest(connection: Connection) -> None:
    """Let the pause after a wake-up be over."""
    connection.execute("select setval('esdb.wake_clock', 0)")


def heard(listener: Connection) -> list[str]:
    """Give the payloads of what has arrived."""
    listener.execute("select")
    return [notice.payload for notice in listener.notifies(timeout=0)]


@pytest.mark.parametrize("statement", APPENDS.values(), ids=APPENDS)
def test_an_append_wakes_the_listeners_when_it_commits(
    writer: Connection, listener: Connection, statement: str
) -> None:
    with writer.transaction():
        writer.execute(statement)
        assert heard(listener) == []
    assert until(lambda: heard(listener), "a wake-up") == [""]


def test_one_wake_up_serves_the_appends_of_a_moment(writer: Connection, listener: Connection) -> None:
    """No clock is asked how long the appends took: between two wake-ups there are 20 milliseconds at least."""
    began = value(writer, "select clock_timestamp()")
    for _ in range(500):
        append(writer, "s")
    took = value(writer, "select date_part('epoch', clock_timestamp() - %s)", (began,))
    assert 1 <= len(heard(listener)) <= took / 0.02 + 1


def test_a_wake_up_that_is_rolled_back_costs_the_next_appends_theirs(writer: Connection, listener: Connection) -> None:
    with writer.transaction(force_rollback=True):
        append(writer, "s")
        # the slot is taken, and a clock far ahead keeps it taken
        writer.execute("select setval('esdb.wake_clock', esdb._microseconds() + 19000)")
    assert heard(listener) == []
    rest(writer)
    append(writer, "s")
    assert until(lambda: heard(listener), "a wake-up") == [""]


def test_a_clock_that_stepped_back_does_not_silence_the_wake_up(writer: Connection, listener: Connection) -> None:
    writer.execute("select setval('esdb.wake_clock', esdb._microseconds() + 3600 * 1000000::bigint)")
    append(writer, "s")
    assert until(lambda: heard(listener), "a wake-up") == [""]


def test_an_import_wakes_the_listeners(writer: Connection, listener: Connection) -> None:
    writer.execute("select esdb._import_begin()")
    line = {
        "position": 1, "id": "i", "bounded_context": "b", "group_context": "m", "feature_context": "c",
        "action_type": "create", "aggregate_type": "t", "aggregate_id": "s", "event_type": "T", "schema_version": 1,
        "version": 1, "timestamp": value(writer, "select now()::text"), "occurred_at": None, "payload": {},
        "metadata": None, "recorded_by": "me",
    }  # fmt: skip
    with writer.transaction():
        writer.execute("select esdb._import_begin()")
        writer.execute("insert into pg_temp.esdb_import_lines values (1, %s)", (Jsonb(line),))
        writer.execute("select esdb._import_stage()")
        assert value(writer, "select event_count from esdb._import_batch(0, false, false)") == 1
    assert until(lambda: heard(listener), "a wake-up") == [""]


def test_where_transactions_can_be_prepared_no_append_stands_in_their_way(db: Connection) -> None:
    assert int(value(db, "show max_prepared_transactions")) > 0
    db.execute("listen esdb")
    for number in range(3):
        rest(db)
        db.execute("begin")
        append_many(db, "s", 2)
        db.execute(f"prepare transaction 'wake-{number}'")
        db.execute(f"commit prepared 'wake-{number}'")
    assert heard(db) == []
