"""A store in full use, and the proof that it is whole and goes on where it was restored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import psycopg
from psycopg.types.json import Jsonb

from tests.databases import run_esdb
from tests.feed_clock import month_after, utc
from tests.feed_support import Seen, Writers, append, append_many, read_all, stored, until, value
from tests.fixtures import Connection
from tests.import_support import event, write
from tests.markdown import blocks
from tests.subscription_worker import EFFECTS
from tests.tools import ROOT

PAGE = ROOT / "docs" / "how-to" / "backup.md"
MONTHS = 3
"""Months before this one that have an event each, and are sealed."""
FAILURES = 5
"""Deliveries after which an event is parked; each parked one would succeed at the next."""
HELD = 5
"""Events of the subscription that a worker holds when the backup is made."""


def file_of_page(name: str, places: Mapping[str, str]) -> str:
    """Give what the page on backups shows of a file, with its places exchanged for others."""
    (block,) = (block for block in blocks(PAGE) if block.language == "ini" and block.text.startswith(f"# {name}\n"))
    return _elsewhere(block.text, places)


def settings_of_page(name: str, places: Mapping[str, str]) -> dict[str, str]:
    """Give the settings of the server that the page on backups shows in a file."""
    return dict(re.findall(r"^([\w.]+) = '?(.*?)'?$", file_of_page(name, places), re.MULTILINE))


def commands_of_page(program: str, places: Mapping[str, str]) -> list[str]:
    """Give the commands of a program that the page on backups shows, with its places exchanged for others."""
    texts = [block.text for block in blocks(PAGE) if block.language == "text"]
    lines = [line for text in texts for line in text.splitlines() if line.startswith(f"{program} ")]
    return [_elsewhere(line, places) for line in lines]


def _elsewhere(text: str, places: Mapping[str, str]) -> str:
    for place, other in places.items():
        text = text.replace(place, other)
    return text


class Outside:
    """A consumer outside the database: what it has handled, and its cursor, are its own and outlive every restore."""

    def __init__(self) -> None:
        self.handled: list[Seen] = []
        self.told: list[int] = []
        self._cursor = 0

    def catch_up(self, connection: Connection) -> None:
        """Handle all there is; told that events are lost, undo what was handled of them and go on."""
        while True:
            try:
                page = read_all(connection, self._cursor)
            except psycopg.DatabaseError as error:
                if error.sqlstate != "SE022":
                    raise
                self._cursor = json.loads(error.diag.message_detail or "")["resume_after"]
                self.told.append(self._cursor)
                self.handled = [event for event in self.handled if event.position <= self._cursor]
                continue
            if not page:
                return
            self.handled += page
            self._cursor = page[-1].position

    def handle_all(self, connection: Connection) -> None:
        """Catch up until there is nothing that was not handled: beside many locks the mark follows after a while."""

        def has_all() -> bool:
            self.catch_up(connection)
            return self.handled == stored(connection)

        until(has_all, "everything handled as it is stored")


class Moment(NamedTuple):
    """What was certain at a moment: how much each writer had been told of, and the server's clock."""

    appended: list[int]
    at: datetime


class Busy:
    """A store in use, for a with block: sealed months, writers, workers, parked events, a lease, a consumer outside."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.outside = Outside()
        self._opened = ExitStack()
        self._writers = Writers(lambda: self._opened.enter_context(self._connection()))
        now = datetime.now(UTC)
        history = [
            event(n, "long", n, month_after(utc(now.year, now.month), n - MONTHS - 1)) for n in range(1, MONTHS + 1)
        ]
        for arguments in (
            ["import", str(write(folder / "history.ndjson", history))],
            ["settings", "set", "seal_after", "0"],
            ["partitions", "seal"],
        ):
            succeed(url, *arguments)
        with self._connection() as connection:
            connection.execute(EFFECTS)
            connection.execute(
                "select esdb.create_subscription('all', partitions => 4, max_attempts => %s)", (FAILURES,)
            )
            connection.execute("select esdb.create_subscription('held', aggregate_types => '{held}')")
            for stream in ("bad-1", "bad-2"):
                append(connection, stream, payload=Jsonb({"fails": FAILURES}))
            append_many(connection, "held", HELD, aggregate_type="held")
            claimed = connection.execute(
                "select token, position from esdb.claim_events('held', 'w', lease => '1 day')"
            ).fetchall()
            assert len(claimed) == HELD
            self.token = claimed[0][0]
            self.held = [position for _, position in claimed]
            connection.execute("select esdb.ack('held', %s, %s)", (self.token, self.held[0]))

    def __enter__(self) -> Self:
        """Let them write and work, until two events are parked."""
        self._opened.enter_context(self._writers)
        self._opened.enter_context(workers(self.url))
        with self._connection() as connection:
            until(lambda: value(connection, "select count(*) from esdb.parked_events") == 2, "parked events")
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._opened.close()

    def go_on(self) -> None:
        """Wait until each writer has appended some more and the consumer outside has handled it."""
        self._writers.go_on()
        with self._connection() as connection:
            self.outside.catch_up(connection)

    def moment(self) -> Moment:
        """Give what a backup from now on has to hold."""
        appended = list(self._writers.appended)
        with self._connection() as connection:
            return Moment(appended, value(connection, "select clock_timestamp()"))

    def end(self) -> list[Seen]:
        """Give every event there was, when all have ended; the consumer outside has handled them."""
        with self._connection() as connection:
            self.outside.catch_up(connection)
            return stored(connection)

    def _connection(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)


@contextmanager
def workers(url: str) -> Iterator[None]:
    """Have two workers at the subscription all."""
    command = [sys.executable, "-m", "tests.subscription_worker", url, "all"]
    hired = [subprocess.Popen([*command, name, "4711", "--lease", "5 seconds"], cwd=ROOT) for name in ("a", "b")]
    try:
        yield
        assert [worker.poll() for worker in hired] == [None, None], "a worker ended by itself"
    finally:
        for worker in hired:
            worker.kill()
            worker.wait()


def succeed(url: str, *arguments: str) -> str:
    """Run the command and give what it prints."""
    result = run_esdb(*arguments, url=url)
    assert result.returncode == 0, f"esdb {' '.join(arguments)}\n{result.stdout}{result.stderr}"
    return result.stdout


def is_whole(url: str, since: Moment, events: list[Seen]) -> None:
    """Assert that a restored store has everything of a moment and nothing else than there was.

    events: all that there ever was in the store that was backed up.
    """
    assert succeed(url, "verify", "--events") == "ok\n"
    with psycopg.connect(url, autocommit=True) as connection:
        kept = stored(connection)
        assert set(kept) <= set(events)
        for number, version in enumerate(since.appended):
            assert value(connection, "select esdb.stream_version(%s)", (f"s-{number}",)) >= version
        assert value(connection, "select esdb.last_position()") >= kept[-1].position
        assert value(connection, "select count(*) from esdb.seals where event_count > 0") == MONTHS
        parked = connection.execute("select aggregate_id, state, attempts from esdb.parked_events").fetchall()
        assert sorted(parked) == [("bad-1", "failed", FAILURES), ("bad-2", "failed", FAILURES)]
        assert connection.execute("select * from esdb.claim_events('held', 'another')").fetchall() == []
        _effects_are_right(connection, complete=False)


def goes_on(url: str, busy: Busy, events: list[Seen], *, loses: bool = True) -> None:
    """Use a restored store, after `esdb recover`: appends, the consumer outside, subscriptions, maintenance.

    loses: whether the consumer outside had handled more than the store has now.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        kept = stored(connection)
        assert append(connection, "s-0").position > events[-1].position
        busy.outside.handle_all(connection)
        assert len(busy.outside.told) == (1 if loses else 0)
        assert all(position <= kept[-1].position for position in busy.outside.told)

        connection.execute("select esdb.ack('held', %s, %s)", (busy.token, busy.held[-1]))
        append(connection, "held")
        claim = "select token, position from esdb.claim_events('held', 'another')"
        (lease,) = until(lambda: connection.execute(claim).fetchall(), "the event of the held stream")
        connection.execute("select esdb.ack('held', %s, %s)", lease)
        connection.execute("select esdb.replay_parked('all')")
        with workers(url):
            missing = "select count(*) - (select count(*) from effects) from esdb.events"
            until(lambda: value(connection, missing) <= 0, "the effects")
        _effects_are_right(connection, complete=True)
        assert value(connection, "select count(*) from esdb.parked_events") == 0
        succeed(url, "maintain")
        assert succeed(url, "verify", "--events") == "ok\n"
        busy.outside.catch_up(connection)
        assert busy.outside.handled == stored(connection)


def _effects_are_right(connection: Connection, *, complete: bool) -> None:
    """Assert that no event has had its effect twice, and none that is acknowledged has had none."""
    assert value(connection, "select count(*) - count(distinct position) from effects") == 0
    unknown = "select count(*) from effects where position not in (select position from esdb.events)"
    assert value(connection, unknown) == 0
    passed_over = """
        select count(*)
        from esdb.events as e
        where not exists (select from effects as f where f.position = e.position)
            and not exists (
                select from esdb.parked_events as p where p.subscription = 'all' and p.position = e.position)
            and e.position <= (
                select l.position from esdb.subscription_lag as l
                where l.subscription = 'all' and l.partition = esdb._partition_of(e.aggregate_id, 4))
    """
    assert value(connection, passed_over) == 0
    if complete:
        missing = "select count(*) from esdb.events where position not in (select position from effects)"
        assert value(connection, missing) == 0
