"""The statistics equal a full count whatever happens to the store, and refreshes get in nobody's way."""

from __future__ import annotations

import functools
import io
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.archive import archive
from esdb_cli.errors import CliError
from esdb_cli.exceptions import PartitionSealed
from esdb_cli.import_lines import batches
from esdb_cli.import_run import Import
from esdb_cli.partitions import create_next
from esdb_cli.restore import restore
from esdb_cli.seal import seal, unseal
from tests.feed_clock import make_months, month_after, set_clock
from tests.feed_support import Crew, Writers, append, append_many, random_of, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb
from tests.import_support import event, text
from tests.seal_support import PastMonth

CONTEXTS = {"b": "bookmark", "n": "note", "nt": "nt"}
GROUPS = "msc"
TYPES = ("Made", "Changed", "Gone")
MONTHS = 4
STATISTICS = "select bounded_context, group_context, event_type, event_count, first_event, last_event"
SUM = "select coalesce(sum(event_count), 0)::bigint from esdb.event_statistics"


class Tally:
    """What was appended, counted beside the store."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str, str], list[datetime]] = {}

    def add(self, context: str, group: str, event_type: str, at: datetime) -> None:
        """Count an event."""
        self._times.setdefault((context, group, event_type), []).append(at)

    def rows(self) -> list[tuple[Any, ...]]:
        """Give the statistics."""
        return sorted((*key, len(times), min(times), max(times)) for key, times in self._times.items())

    def of(self, context: str | None = None) -> int:
        """Give how many there are, of a context or of all."""
        return sum(len(times) for key, times in self._times.items() if context in {None, key[0]})


class Life:
    """A store some of whose months are over, and all that can happen to their events."""

    def __init__(self, db: Connection, url: str, connect: Connect, dice: Random, folder: Path) -> None:
        self.db, self.url, self.dice, self.folder = db, url, dice, folder
        self.tally = Tally()
        self.did: Counter[str] = Counter()
        past = PastMonth(db, connect)
        self.operator = past.present
        first = month_after(past.month, 1 - MONTHS)
        for name in CONTEXTS.values():
            make_months(db, name, first, MONTHS - 1)
        self.months = [month_after(first, number) for number in range(MONTHS + 1)]
        self.writer = past.clock.connect(first)
        self._streams = 0

    def step(self) -> None:
        """Do one of these, as the dice say."""
        deeds: list[Callable[[], bool]] = [
            *[self.append] * 4, *[self.seal] * 2, *[self.archive] * 2,
            self.bring_in, self.unseal, self.restore, self.make_partitions, self.refresh,
        ]  # fmt: skip
        deed = self.dice.choice(deeds)
        if deed():
            self.did[deed.__name__] += 1

    def append(self) -> bool:
        """Append to a new stream in a month; one that is sealed or archived takes nothing."""
        context, group = self.dice.choice(list(CONTEXTS)), self.dice.choice(GROUPS)
        # the last one lies beyond the months made ahead: its events go to the overflow
        month = self.dice.choice([*self.months, month_after(self.months[-1], 6)])
        set_clock(self.writer, month + timedelta(days=self.dice.uniform(1, 27)))
        types = self.dice.choices(TYPES, k=self.dice.randrange(1, 5))
        events = Jsonb([{"event_type": event_type, "payload": {}} for event_type in types])
        try:
            rows = append_many(
                self.writer, self._new_stream(), 0, events=events, bounded_context=context, group_context=group
            )
        except (PartitionSealed, psycopg.errors.CheckViolation):
            return False
        for event_type, row in zip(types, rows, strict=True):
            self.tally.add(context, group, event_type, row.timestamp)
        return True

    def bring_in(self) -> bool:
        """Import streams into a month, open or not made yet; one that is sealed or archived refuses them."""
        context, group = self.dice.choice(list(CONTEXTS)), self.dice.choice(GROUPS)
        begin = self.dice.choice([month_after(self.months[0], -self.dice.randrange(1, 4)), *self.months[:-1]])
        stream, times = self._new_stream(), sorted(begin + timedelta(days=self.dice.uniform(1, 27)) for _ in range(5))
        changes = {"bounded_context": context, "group_context": group, "event_type": self.dice.choice(TYPES)}
        lines = [event(number, stream, number, at, **changes) for number, at in enumerate(times, 1)]
        content = io.BytesIO(text(lines).encode())
        importing = Import(
            url=self.url, name=stream, batches=batches(content, 100, 1 << 20, 1 << 20), max_payload_bytes=1 << 20
        )
        with suppress(CliError, psycopg.Error):
            importing.run()
        assert importing.totals.events in {0, len(times)}
        if importing.totals.events:
            for at in times:
                self.tally.add(context, group, changes["event_type"], at)
        return importing.totals.events > 0

    def seal(self) -> bool:
        """Seal what is over at some time."""
        set_clock(self.operator, self.dice.choice(self.months[1:]) + timedelta(days=3))
        return len(seal(self.operator, context=self.dice.choice([*CONTEXTS, None])).sealed) > 0

    def unseal(self) -> bool:
        """Open a month again."""
        return self._one(
            "select bounded_context::text, lower_bound from esdb.seals except"
            " select bounded_context::text, lower_bound from esdb.archives",
            lambda context, month: unseal(self.operator, context, month, "at random"),
        )

    def archive(self) -> bool:
        """Take the sealed months of a context out."""
        set_clock(self.operator, month_after(self.months[-1]))
        choice = {
            "older_than": f"{self.dice.choice((0, 31, 62))} days",
            "context": self.dice.choice(list(CONTEXTS)),
            "keep_table": self.dice.random() < 0.5,
        }
        with suppress(CliError, psycopg.Error):
            return len(archive(self.operator, choice, self.folder)) > 0
        return False

    def restore(self) -> bool:
        """Put a month back."""
        return self._one("select location from esdb.archives", lambda name: restore(self.operator, [Path(name)]))

    def make_partitions(self) -> bool:
        """Make the months ahead of some time, out of an overflow where events lie in one."""
        set_clock(self.operator, month_after(self.months[-1], self.dice.randrange(9)))
        return len(create_next(self.operator)) > 0

    def refresh(self) -> bool:
        """Compare what the store counts, with the tally and with the table."""
        self.db.execute("select esdb.refresh_event_statistics()")
        rows = self.db.execute(f"{STATISTICS} from esdb.event_statistics order by 1, 2, 3").fetchall()
        assert sorted(rows) == self.tally.rows()
        assert value(self.db, "select esdb.event_count()") == self.tally.of()
        for context in CONTEXTS:
            assert value(self.db, "select esdb.event_count(%s)", (context,)) == self.tally.of(context)
        return True

    def _one(self, query: str, deed: Callable[..., object]) -> bool:
        """Do something with one of the rows that a query gives."""
        if rows := sorted(self.db.execute(query).fetchall()):
            deed(*self.dice.choice(rows))
        return bool(rows)

    def _new_stream(self) -> str:
        self._streams += 1
        return f"s-{self._streams}"


@pytest.mark.parametrize("seed", range(3))
def test_the_statistics_are_a_full_count(
    db: Connection, db_url: str, connect: Connect, tmp_path: Path, seed: int
) -> None:
    life = Life(db, db_url, connect, random_of(seed), tmp_path)
    for _ in range(60):
        life.step()
    life.refresh()
    print(dict(life.did))
    assert {"append", "bring_in", "seal", "archive", "refresh"} <= life.did.keys()
    while life.restore():
        pass
    life.refresh()
    counted = "count(*), min(e.timestamp), max(e.timestamp) from esdb.events as e group by 1, 2, 3"
    rows = db.execute(f"select e.bounded_context, e.group_context, e.event_type, {counted}").fetchall()
    assert sorted(rows) == life.tally.rows()


REFRESH = "select esdb.refresh_event_statistics()"


def held_locks(connection: Connection, pids: list[int]) -> list[Any]:
    """Give what sessions hold besides their own transaction's number."""
    query = (
        "select pid, locktype, relation::regclass, mode from pg_locks where pid = any (%s) and locktype <> 'virtualxid'"
    )
    return connection.execute(query, (pids,)).fetchall()


def test_refreshes_at_once_beside_appends_and_new_partitions(db: Connection, connect: Connect) -> None:
    refreshers, maker = [connect() for _ in range(3)], connect()
    stop = threading.Event()
    done: Counter[int] = Counter()

    def refresh(number: int) -> None:
        seen = 0
        while not stop.is_set():
            refreshers[number].execute(REFRESH)
            found = value(refreshers[number], SUM)
            assert found >= seen, "the view went back"
            seen = found
            done[number] += 1

    def reached(goal: dict[int, int]) -> bool:
        return all(done[number] >= count for number, count in goal.items())

    with Writers(connect) as writers:
        crew = Crew()
        for number in range(len(refreshers)):
            crew.start(refresh, number)
        for ahead in range(4, 9):
            db.execute("select esdb.set_setting('partitions_ahead', %s)", (str(ahead),))
            assert create_next(maker)
            goal = {number: done[number] + 1 for number in range(len(refreshers))}
            until(functools.partial(reached, goal), "each refreshes again")
        stop.set()
        crew.join()
        assert held_locks(db, [c.info.backend_pid for c in (*refreshers, maker)]) == []
    db.execute(REFRESH)
    assert value(db, SUM) == sum(writers.appended) == value(db, "select count(*) from esdb.events")


def test_a_refresh_that_waited_counts_what_came_meanwhile(db: Connection, connect: Connect) -> None:
    first, second = connect(autocommit=False), connect()
    append(db, "before")
    first.execute(REFRESH)
    crew = Crew()
    crew.start(second.execute, REFRESH)
    until(lambda: waits_for_a_lock(db, second.info.backend_pid), "the second waits for the first")
    append(db, "meanwhile")
    assert value(first, SUM) == 1
    assert value(db, SUM) == 0
    first.commit()
    crew.join()
    assert value(db, SUM) == 2


def test_one_that_looked_before_it_waited_is_refused(db: Connection, connect: Connect) -> None:
    first, second = connect(autocommit=False), connect(autocommit=False)
    second.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    append(db, "a")
    first.execute(REFRESH)
    assert value(second, SUM) == 0
    refused: list[str | None] = []

    def refresh() -> None:
        with pytest.raises(psycopg.DatabaseError) as caught:
            second.execute(REFRESH)
        refused.append(caught.value.sqlstate)

    crew = Crew()
    crew.start(refresh)
    until(lambda: waits_for_a_lock(db, second.info.backend_pid), "the second waits for the first")
    first.commit()
    crew.join()
    assert refused == ["40001"]
    second.rollback()
    second.execute(REFRESH)
    second.commit()
    assert value(db, SUM) == 1


def test_a_refresh_that_is_killed_leaves_nothing_behind(db: Connection, connect: Connect) -> None:
    append(db, "a")
    victim = connect(autocommit=False)
    victim.execute(REFRESH)
    pid = victim.info.backend_pid
    db.execute("select pg_terminate_backend(%s, 10000)", (pid,))
    assert held_locks(db, [pid]) == []
    db.execute("set lock_timeout = '1ms'")
    db.execute(REFRESH)
    assert value(db, SUM) == 1


def test_the_command_waits_for_another_refresh_only_so_long(connect: Connect, esdb: Esdb) -> None:
    holder = connect(autocommit=False)
    holder.execute(REFRESH)
    result = esdb("refresh-stats", "--wait", "0.05")
    assert result.returncode == 4
    assert result.stderr.startswith("esdb: another refresh did not end within 0.05 seconds\n")
    holder.rollback()
    assert esdb("refresh-stats", "--wait", "0.05").returncode == 0
