"""`esdb tail`: the newest events, those that come, and nothing lost or shown twice when the server restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import psycopg
import pytest

from esdb_cli.server_process import StopMode
from tests.databases import Databases, environment
from tests.feed_support import append, append_many, until
from tests.fixtures import Connect, Connection, Esdb, NewServer


class Tail:
    """A running `esdb tail --follow`, whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=(stream, take))
            for stream, take in ((process.stdout, self._take), (process.stderr, self.messages.append))
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream: IO[str], take: Callable[[str], None]) -> None:
        with stream:
            for line in stream:
                take(line)

    def close(self) -> None:
        """End the command."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def _take(self, line: str) -> None:
        self.lines.append(json.loads(line))

    @property
    def positions(self) -> list[int]:
        return [line["position"] for line in self.lines]

    def sees(self, positions: list[int]) -> None:
        until(lambda: len(self.lines) >= len(positions), f"{len(positions)} events; {self.messages}")
        assert self.positions == positions


@contextmanager
def following(url: str, *arguments: str) -> Iterator[Tail]:
    command = [sys.executable, "-m", "esdb_cli", "tail", "--follow", "--json", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(url, {})
    )
    tail = Tail(process)
    try:
        yield tail
    finally:
        tail.close()


def shown(esdb: Esdb, *arguments: str) -> list[int]:
    result = esdb("tail", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line)["position"] for line in result.stdout.splitlines()]


def test_the_newest_events_are_shown(db: Connection, esdb: Esdb) -> None:
    assert shown(esdb) == []
    append_many(db, "s", 12)
    append(db, "t", event_type="Rare")
    assert shown(esdb) == list(range(4, 14))
    assert shown(esdb, "-n", "2") == [12, 13]
    assert shown(esdb, "-n", "0") == []
    assert shown(esdb, "--from", "11") == [12, 13]
    assert shown(esdb, "--from", "0", "--type", "Rare") == [13]
    table = esdb("tail", "-n", "1").stdout.splitlines()
    assert table[0].split()[:2] == ["position", "timestamp"]
    assert len(table) == 3


def test_a_cursor_that_the_store_does_not_know_is_refused(db: Connection, esdb: Esdb) -> None:
    append(db, "s")
    result = esdb("tail", "--from", "2", "--follow")
    assert result.returncode == 1
    assert "(SE022)" in result.stderr


@pytest.mark.parametrize("options", [[], ["--no-listen", "--poll", "0.02"]], ids=["listening", "polling"])
def test_what_comes_is_shown(db: Connection, db_url: str, connect: Connect, options: list[str]) -> None:
    append_many(db, "s", 3)
    with following(db_url, "-n", "1", *options) as tail:
        tail.sees([3])
        append_many(db, "s", 2)
        tail.sees([3, 4, 5])
        slow = connect(autocommit=False)
        append(slow, "slow")
        append(db, "s")
        slow.commit()
        tail.sees([3, 4, 5, 6, 7])


def test_filters_hold_for_what_comes(db: Connection, db_url: str) -> None:
    with following(db_url, "--type", "Rare", "--poll", "0.02") as tail:
        for number in range(6):
            append(db, "s", event_type="Rare" if number % 3 == 2 else "Common")
        tail.sees([3, 6])


def test_a_restart_of_the_server_loses_nothing_and_shows_nothing_twice(new_server: NewServer) -> None:
    server = new_server(durable=True)
    url = Databases(server).migrated()
    with following(url, "--poll", "0.05") as tail:
        ways: list[StopMode | None] = ["fast", "immediate", None]
        for way in ways:
            with psycopg.connect(url, autocommit=True) as connection:
                append_many(connection, "s", 5)
                until(lambda: len(tail.lines) % 10 == 5, "what was appended before")
                append_many(connection, "s", 5)
            if way is None:
                server.kill9()
                server.start()
            else:
                server.restart(way)
            until(lambda: len(tail.lines) % 10 == 0, "the rest")
        # positions have a gap where the server crashed
        assert [line["version"] for line in tail.lines] == list(range(1, 31))
        assert tail.positions == sorted(tail.positions)
        assert any("the connection broke; trying again" in message for message in tail.messages)
        assert tail.process.poll() is None


def test_a_read_that_was_cancelled_is_repeated(db: Connection, db_url: str) -> None:
    """As on a standby, where cleaning up on the primary cancels what takes long, with 40001."""
    db.execute("create sequence looks")
    db.execute("""
        create or replace function esdb.high_water_mark() returns bigint language plpgsql as $$
        begin
            if nextval('public.looks') % 3 = 0 then
                raise exception 'canceling statement due to conflict with recovery' using errcode = '40001';
            end if;
            return esdb._find_mark();
        end
        $$""")
    with following(db_url, "--from", "0", "--poll", "0.02") as tail:
        for number in range(1, 6):
            append(db, "s")
            tail.sees(list(range(1, number + 1)))
            failures = len(tail.messages)
            until(lambda before=failures: len(tail.messages) > before, "a read that fails")  # type: ignore[misc]
        assert all("trying again: canceling" in message for message in tail.messages)


def test_it_ends_quietly_with_an_interrupt(db: Connection, db_url: str) -> None:
    append(db, "s")
    with following(db_url) as tail:
        tail.sees([1])
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(30) == 130
        assert tail.messages == []


def test_it_ends_when_nobody_reads_any_more(db: Connection, db_url: str) -> None:
    append(db, "s")
    command = [sys.executable, "-m", "esdb_cli", "tail", "--follow", "--json", "--poll", "0.02"]
    reading, writing = os.pipe()
    with subprocess.Popen(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment(db_url, {})
    ) as process:
        os.close(writing)
        assert os.read(reading, 1) == b"{"
        os.close(reading)
        append(db, "s")
        assert process.wait(30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""
