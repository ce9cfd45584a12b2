"""A store whose months are sealed, opened, archived and restored all the time, with writers and readers beside.

Writers live at several times: in the months that come and go, and in the present. A model holds what was committed.
What a reader may not do: miss an event that was committed before it asked, show one twice, or in another order. It may
be told SE013 instead.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from esdb_cli.archive import archive
from esdb_cli.data_checks import DataChecks, Found
from esdb_cli.errors import CliError
from esdb_cli.partitions import create_next
from esdb_cli.restore import restore
from esdb_cli.seal import seal, unseal
from esdb_cli.seal_checks import SealChecks
from tests.feed_clock import set_clock
from tests.feed_support import append_many, call, mark, random_of, value
from tests.fixtures import Connection

TYPES = ("Even", "Odd")
STREAMS_A_MONTH = 4
# what an operator's command may end with when its connection is killed, or another was quicker
REFUSED = (psycopg.Error, CliError)


class Event(NamedTuple):
    """What the model holds of a committed event."""

    position: int
    context: str
    event_type: str
    aggregate_id: str
    version: int
    id: str
    month: datetime


class Chaos:
    """The model, the months, and which sessions work; every thread has a connection and a generator of its own."""

    def __init__(self, url: str, seed: int, months: list[datetime], present: datetime, folder: Path) -> None:
        self.url, self.seed, self.months, self.present, self.folder = url, seed, months, present, folder
        self.stop = threading.Event()
        self.deeds: Counter[str] = Counter()
        self._events: dict[int, Event] = {}
        self._victims: dict[str, int] = {}
        self._attempts = 0
        self._guard = threading.Lock()

    def note(self, events: list[Event]) -> None:
        """Take in what was committed."""
        with self._guard:
            self._events.update({event.position: event for event in events})

    def committed(self) -> dict[int, Event]:
        """Give what is committed by now."""
        with self._guard:
            return dict(self._events)

    def try_to_append(self, count: int) -> None:
        """Count events that may come."""
        with self._guard:
            self._attempts += count

    def at_most(self) -> int:
        """Give how many events there can be."""
        return self._attempts

    def did(self, deed: str) -> None:
        """Count a deed."""
        with self._guard:
            self.deeds[deed] += 1

    def session(self, name: str) -> Connection:
        """Open a connection that an assassin may kill."""
        connection = psycopg.connect(self.url, autocommit=True)
        with self._guard:
            self._victims[name] = connection.info.backend_pid
        return connection

    def work(self, name: str, once: Callable[[Connection, random.Random], None]) -> None:
        """Do something again and again until the end; a connection that was killed is replaced."""
        dice = random_of(self.seed, name)
        connection = self.session(name)
        while not self.stop.is_set():
            try:
                once(connection, dice)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
                self.did("killed")
            if connection.closed:
                connection = self.session(name)
        connection.close()

    def kill(self, connection: Connection, dice: random.Random) -> None:
        """End one of the sessions that work, at any moment; the operators' more often."""
        time.sleep(dice.uniform(0, 0.6))
        with self._guard:
            names = sorted(name for name in self._victims if name != "assassin")
            names += 3 * [name for name in names if name.startswith("operator")]
            pid = self._victims[dice.choice(names)]
        connection.execute("select pg_terminate_backend(%s)", (pid,))

    # Writers

    def write(self, connection: Connection, dice: random.Random) -> None:
        """Append to a stream of some month, or to one that goes on through all, as the clock goes."""
        at = dice.choice([*self.months, self.present])
        set_clock(connection, at + timedelta(days=dice.uniform(1, 27)))
        month = "walks" if dice.random() < 0.2 else f"{at:%Y-%m}"
        stream, context = f"{month}-{dice.randrange(STREAMS_A_MONTH)}", dice.choice("bn")
        stream, event_type, count = f"{context}-{stream}", dice.choice(TYPES), dice.choice((1, 1, 3))
        self.try_to_append(count)
        events = [{"event_type": event_type, "payload": {"n": number}} for number in range(count)]
        given = {"bounded_context": context, "events": psycopg.types.json.Jsonb(events)}
        try:
            rows = append_many(connection, stream, count, **given)
        except psycopg.OperationalError:
            raise
        except psycopg.DatabaseError as error:
            # by this writer's clock the month is sealed, or archived: then there is no partition for it
            if error.sqlstate not in {"SE012", "23514"}:
                raise
            self.did(f"append {error.sqlstate}")
            time.sleep(0.01)
            return
        self.did("append")
        self.note([Event(r.position, context, event_type, stream, r.version, r.id, r.timestamp) for r in rows])

    # Readers

    def check_refusal(self, error: psycopg.DatabaseError) -> None:
        """SE013 and no other error, with an archive named in JSON."""
        if error.sqlstate != "SE013":
            raise error
        archived = json.loads(error.diag.message_detail or "")
        assert archived["partition"].startswith("events_")
        assert archived["location"]
        self.did("SE013")

    def follow(self, connection: Connection, dice: random.Random) -> None:
        """Read the feed from one end to the other, with or without filters, page by page."""
        # what an open append holds up shows later: nobody misses it
        before, settled = self.committed(), mark(connection)
        backward = dice.random() < 0.5
        options: dict[str, Any] = {"backward": backward, "max_count": dice.choice((3, 40, 1000))}
        if dice.random() < 0.3:
            options["event_types"] = [dice.choice(TYPES)]
        if dice.random() < 0.3:
            options["bounded_contexts"] = [dice.choice("bn")]
        if dice.random() < 0.2:
            options["skip_archived"] = True
        wanted = {
            event.position
            for event in before.values()
            if event.position <= settled
            and event.event_type in options.get("event_types", TYPES)
            and event.context in options.get("bounded_contexts", "bn")
            and not (options.get("skip_archived") and event.month < self.present)
        }
        seen: list[int] = []
        cursor = 0
        while not self.stop.is_set():
            place = {"up_to_position": cursor - 1} if backward and cursor else {"after_position": cursor}
            try:
                page = [row[0] for row in call(connection, "read_all", **{**options, **place})]
            except psycopg.OperationalError:
                raise
            except psycopg.DatabaseError as error:
                self.check_refusal(error)
                if dice.random() < 0.3:
                    return
                time.sleep(0.02)
                continue
            seen += page
            assert page == sorted(page, reverse=backward), "order"
            assert len(set(seen)) == len(seen), "twice"
            is_over = len(page) < options["max_count"]
            cursor = page[-1] if page else cursor
            passed = {p for p in wanted if is_over or (p >= cursor if backward else p <= cursor)}
            missing = passed - set(seen)
            assert not missing, f"missed {sorted(missing)[:5]} with {options} at {cursor}"
            if is_over or cursor == 1:
                self.did("pass")
                return

    def read_streams(self, connection: Connection, dice: random.Random) -> None:
        """Read one stream, whole or the end of it, and load it."""
        before = self.committed()
        if not before:
            return
        event = dice.choice(list(before.values()))
        versions = sorted(e.version for e in before.values() if e.aggregate_id == event.aggregate_id)
        newest = versions[-1]
        what = dice.choice(("read", "load", "one", "backward", "skipping", "snapshot"))
        try:
            match what:
                case "read":
                    found = [r.version for r in self._stream(connection, event, from_version=1, max_count=100000)]
                    assert found == list(range(1, len(found) + 1))
                    assert len(found) >= newest, f"{event.aggregate_id}: {len(found)} of {newest}"
                case "backward":
                    found = [r.version for r in self._stream(connection, event, max_count=5, backward=True)]
                    assert found[0] >= newest
                    assert found == list(range(found[0], max(found[0] - 5, 0), -1))
                case "skipping":
                    rows = self._stream(connection, event, max_count=100000, skip_archived=True)
                    found = [r.version for r in rows]
                    assert found == sorted(set(found))
                    current = {e.version for e in before.values()
                               if e.aggregate_id == event.aggregate_id and e.month >= self.present}  # fmt: skip
                    assert current <= set(found)
                case "load":
                    (row,) = call(connection, "load_aggregate", aggregate_id=event.aggregate_id)
                    assert row[1] >= newest
                    after = [e["version"] for e in row[4]]
                    assert after == list(range((row[2] or 0) + 1, row[1] + 1))
                case "one":
                    given = {"aggregate_id": event.aggregate_id} if dice.random() < 0.5 else {}
                    rows = connection.execute(
                        "select position from esdb.get_event(%s, %s)", (event.id, given.get("aggregate_id"))
                    ).fetchall()
                    assert rows == [(event.position,)], event
                case "snapshot":
                    at = dice.choice(versions)
                    connection.execute("select esdb.save_snapshot(%s, %s, '{}')", (event.aggregate_id, at))
        except psycopg.OperationalError:
            raise
        except psycopg.DatabaseError as error:
            self.check_refusal(error)
            return
        self.did(what)

    def _stream(self, connection: Connection, event: Event, **options: Any) -> list[Any]:
        rows = call(connection, "read_stream", aggregate_id=event.aggregate_id, **options)
        names = [column.name for column in connection.execute("select * from esdb.events limit 0").description or []]
        return [Row(row[names.index("version")]) for row in rows]

    def count(self, connection: Connection, dice: random.Random) -> None:
        """Count the events, by the function or by the statistics."""
        time.sleep(0.02)
        context = dice.choice((None, "b", "n"))
        before = sum(context in {None, event.context} for event in self.committed().values())
        if dice.random() < 0.5:
            count = value(connection, "select esdb.event_count(%s)", (context,))
        else:
            connection.execute("select esdb.refresh_event_statistics()")
            query = (
                "select coalesce(sum(event_count), 0) from esdb.event_statistics"
                " where bounded_context = coalesce(%s, bounded_context)"
            )
            count = value(connection, query, (context,))
        assert before <= count <= self.at_most()
        self.did("count")

    def verify(self, connection: Connection, _: random.Random) -> None:
        """Look for faults in the data and in the seals: what comes and goes meanwhile is none."""
        found = Found()
        for checks in (DataChecks(connection, found), SealChecks(connection, found, None)):
            list(checks.run())
        assert not found.faults, str(found.faults)
        self.did("verify")

    # Operators

    def archive_and_restore(self, connection: Connection, dice: random.Random) -> None:
        """Archive what is sealed, or put archives back."""
        try:
            if dice.random() < 0.5:
                choice: dict[str, Any] = {"older_than": None, "keep_table": dice.random() < 0.3}
                choice["context"] = dice.choice((None, "b", "n"))
                # a month that was restored and opened may hold other events when its turn comes again
                folder = Path(tempfile.mkdtemp(dir=self.folder))
                self.deeds["archive"] += len(archive(connection, choice, folder, wait=dice.choice((0.05, 5))))
            else:
                query = "select location from esdb.archives where state = 'archived' order by random() limit %s"
                folders = [Path(name) for (name,) in connection.execute(query, (dice.randrange(1, 7),))]
                self.deeds["restore"] += len(restore(connection, folders, wait=5))
        except REFUSED as error:
            self._refused(error)

    def seal_and_unseal(self, connection: Connection, dice: random.Random) -> None:
        """Seal what is over, open a month, or make partitions."""
        time.sleep(dice.uniform(0, 0.05))
        try:
            match dice.choice(("seal", "seal", "unseal", "unseal", "create", "retain")):
                case "seal":
                    self.deeds["seal"] += len(seal(connection, wait=1).sealed)
                case "unseal":
                    unseal(connection, dice.choice("bn"), dice.choice(self.months), "chaos", wait=1)
                    self.did("unseal")
                case "create":
                    value(connection, "select esdb.set_setting('partitions_ahead', %s)", (f"{dice.randrange(4, 9)}",))
                    create_next(connection, wait=0.5)
                    self.did("create")
                case "retain":
                    retention = (dice.choice("bn"), dice.choice(("1 day", "8 days")))
                    connection.execute("select esdb.set_retention(%s, %s)", retention)
        except REFUSED as error:
            self._refused(error)

    def _refused(self, error: BaseException) -> None:
        """An operator's command ended with an error of ours, or with its connection."""
        text = f"{getattr(error, 'sqlstate', 'CliError')} {error}".splitlines()[0]
        self.did(f"refused: {text[:70]}")


class Row(NamedTuple):
    """What is looked at of an event of a stream."""

    version: int
