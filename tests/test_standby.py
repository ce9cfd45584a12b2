"""The feed on a streaming standby: everything once, in order, while writers write on the primary."""

from __future__ import annotations

import json
import threading
import time

import psycopg
import pytest

from esdb_cli.server import LocalServer
from tests.databases import run_esdb, start_esdb
from tests.feed_support import PERFECT, Crew, Seen, append, judge, mark, random_of, read_all, stored, until, value
from tests.standby import Servers, connected, has_replayed, promoted

WRITERS = 8
SECONDS = 5.0


@pytest.fixture
def pair(servers: Servers) -> tuple[LocalServer, LocalServer]:
    """A primary and a standby that follows it."""
    primary = servers.primary()
    return primary, servers.standby(primary)


class Writer:
    """One connection that commits, lingers, rolls back and uses savepoints, until it is told to stop."""

    def __init__(self, server: LocalServer, number: int, stop: threading.Event) -> None:
        self._server = server
        self._stop = stop
        self._dice = random_of(4711, "standby", number)

    def run(self) -> None:
        """Write."""
        with connected(self._server) as connection:
            while not self._stop.is_set():
                with connection.transaction():
                    self._work(connection)

    def _work(self, connection: psycopg.Connection) -> None:
        dice = self._dice
        for stream in sorted(dice.choices([f"s-{number:02}" for number in range(20)], k=dice.randint(1, 3))):
            append(connection, stream)
            if dice.random() < 0.3:
                with connection.transaction(force_rollback=True):
                    append(connection, stream)
        if dice.random() < 0.3:
            time.sleep(dice.random() * 0.03)
        if dice.random() < 0.2:
            raise psycopg.Rollback


def test_a_consumer_on_a_standby_sees_each_event_once_and_in_order(pair: tuple[LocalServer, LocalServer]) -> None:
    primary, standby = pair
    stop = threading.Event()
    crew = Crew()
    for number in range(WRITERS):
        crew.start(Writer(primary, number, stop).run)
    seen: list[Seen] = []
    end = time.monotonic() + SECONDS
    while_writing = 0
    with connected(standby) as reader, connected(primary) as writer:
        while time.monotonic() < end:
            seen += read_all(reader, seen[-1].position if seen else 0, 200)
            lag = reader.execute("select * from esdb.feed_lag()").fetchone()
            assert lag is not None
            assert lag[0]
            assert lag[4] >= 0
        while_writing = len(seen)
        stop.set()
        crew.join()
        assert value(writer, "select esdb.publish_mark()") == value(writer, "select esdb.last_position()")
        has_replayed(writer, reader)
        events = stored(writer)
        while page := read_all(reader, seen[-1].position if seen else 0, 200):
            seen += page
        assert judge(seen, events) == PERFECT
        assert read_all(reader, 0, len(events) + 1) == events
        assert value(reader, "select positions_behind from esdb.feed_lag()") <= 32
    assert while_writing > 0


def test_what_a_standby_shows_ends_at_an_append_that_is_open_on_the_primary(
    pair: tuple[LocalServer, LocalServer],
) -> None:
    primary, standby = pair
    with connected(primary) as lingerer, connected(primary) as writer, connected(standby) as reader:
        first = append(writer, "s").position
        with lingerer.transaction():
            append(lingerer, "t")
            append(writer, "s")
            assert value(writer, "select esdb.publish_mark()") == first
            has_replayed(writer, reader)
            assert [event.position for event in read_all(reader)] == [first]
            assert mark(reader) == first
        published = value(writer, "select esdb.publish_mark()")
        has_replayed(writer, reader)
        assert len(read_all(reader)) == 3
        assert mark(reader) == published == mark(writer)


def test_a_standby_serves_filters_and_refuses_what_needs_the_primary(pair: tuple[LocalServer, LocalServer]) -> None:
    primary, standby = pair
    with connected(primary) as writer, connected(standby) as reader:
        for number in range(10):
            append(writer, "s", bounded_context="bn"[number % 2] if number == 0 else None)
        writer.execute("select esdb.create_subscription('x')")
        last = value(writer, "select esdb.publish_mark()")
        has_replayed(writer, reader)
        assert [e.position for e in read_all(reader, 3, 2, bounded_contexts=["b"])] == [4, 5]
        assert [e.position for e in read_all(reader, 0, 2, backward=True)] == [last, last - 1]
        assert read_all(reader, last + 1000) == []  # it may only be behind
        reader.execute("begin isolation level repeatable read")
        with pytest.raises(psycopg.DatabaseError) as refused:
            mark(reader)
        reader.execute("rollback")
        assert refused.value.sqlstate == "SE011"
        for statement in (
            "select * from esdb.claim_events('x', 'w')",
            "select esdb.publish_mark()",
            "select * from esdb.recover()",
        ):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                reader.execute(statement)


def test_maintain_brings_the_last_events_to_standbys_and_tail_follows_there(
    pair: tuple[LocalServer, LocalServer],
) -> None:
    primary, standby = pair
    with connected(primary) as writer, connected(standby) as reader:
        positions = [append(writer, "s").position for _ in range(5)]
        assert run_esdb("maintain", "--only", "mark", url=primary.url()).returncode == 0
        until(lambda: mark(reader) == positions[-1], "the mark on the standby")
        tail = start_esdb("tail", "--follow", "--from", "0", "--json", "--poll", "0.05", url=standby.url())
        try:
            assert tail.stdout is not None
            assert [json.loads(tail.stdout.readline())["position"] for _ in positions] == positions
            more = append(writer, "s").position
            assert run_esdb("maintain", "--only", "mark", url=primary.url()).returncode == 0
            assert json.loads(tail.stdout.readline())["position"] == more
        finally:
            tail.kill()
            tail.communicate()


def test_a_promoted_standby_goes_on_where_it_was(pair: tuple[LocalServer, LocalServer]) -> None:
    """Nothing is lost where the standby had everything: a consumer that goes on there meets no error."""
    primary, standby = pair
    with connected(primary) as writer, connected(standby) as reader:
        seen = [append(writer, "s").position for _ in range(5)]
        has_replayed(writer, reader)
    primary.kill9()
    promoted(standby)
    with connected(standby) as connection:
        assert [event.position for event in read_all(connection)] == seen
        new = append(connection, "s").position
        assert [event.position for event in read_all(connection, seen[-1])] == [new]
