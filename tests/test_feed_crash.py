"""A server that is killed while writers write and a consumer reads."""

from __future__ import annotations

import threading
import time

import psycopg

from esdb_cli.server import LocalServer
from tests.databases import run_esdb
from tests.feed_support import PERFECT, Crew, Seen, append, judge, mark, read_all, stored, until, value
from tests.fixtures import NewServer

WRITERS = 6
ACKNOWLEDGED_BEFORE_THE_KILL = 300


class Run:
    """Writers and a consumer that go on until the server is gone."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: dict[int, Seen] = {}
        self.seen: list[Seen] = []
        self._guard = threading.Lock()

    def write(self, number: int) -> None:
        """Append, and note each event whose commit was acknowledged."""
        stream = f"stream-{number % 4}"
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while True:
                    result = append(connection, stream)
                    with self._guard:
                        event = Seen(result.position, stream, result.version, "Happened")
                        self.acknowledged[result.position] = event
        except psycopg.OperationalError:
            return

    def read(self) -> None:
        """Consume until the server is gone."""
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while True:
                    self.consume(connection)
                    time.sleep(0.002)
        except psycopg.OperationalError:
            return

    def consume(self, connection: psycopg.Connection) -> None:
        """Handle one page."""
        self.seen += read_all(connection, self.cursor, 50)

    @property
    def cursor(self) -> int:
        """The last position handled."""
        return self.seen[-1].position if self.seen else 0


def prepare_append(url: str) -> int:
    """Leave an append in a prepared transaction, and give its position."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("begin")
        held = append(connection, "prepared").position
        connection.execute("prepare transaction 'over-the-crash'")
    return held


def migrated(server: LocalServer) -> str:
    url = server.url()
    for arguments in (["migrate"], ["partitions", "create-next"]):
        result = run_esdb(*arguments, url=url)
        assert result.returncode == 0, result.stderr
    return url


def test_a_killed_server_loses_no_acknowledged_event_and_no_consumer_its_place(new_server: NewServer) -> None:
    server = new_server(settings={"max_prepared_transactions": 5})
    run = Run(migrated(server))
    crew = Crew()
    for number in range(WRITERS):
        crew.start(run.write, number)
    crew.start(run.read)
    until(lambda: len(run.acknowledged) > ACKNOWLEDGED_BEFORE_THE_KILL and run.seen, "writers and reader at work")
    held = prepare_append(run.url)
    acknowledged = len(run.acknowledged)
    until(lambda: len(run.acknowledged) > acknowledged + 100, "more appends")
    server.kill9()
    crew.join()
    server.start()

    with psycopg.connect(run.url, autocommit=True) as connection:
        # nobody has looked yet, and what was recorded without a log is gone
        assert value(connection, "select pg_sequence_last_value('esdb.established_mark'::regclass)") is None
        last = append(connection, "stream-0").position
        assert last > max(run.acknowledged)
        assert mark(connection) < held
        connection.execute("commit prepared 'over-the-crash'")
        until(lambda: mark(connection) >= last, "the mark after the restart")
        events = stored(connection)
        assert set(events) >= set(run.acknowledged.values())
        assert held in {event.position for event in events}
        assert read_all(connection, count=len(events) + 1) == events
        while run.cursor < last:
            before = run.cursor
            run.consume(connection)
            assert run.cursor > before
        assert judge(run.seen, events) == PERFECT
        versions = connection.execute("select aggregate_id, version from esdb.streams").fetchall()
        newest = {event.aggregate_id: event.version for event in events}
        assert dict(versions) == newest
