"""The feed over sealed and unsealed leaves: each page is what the table holds, and no leaf is read that need not be.

ESDB_TEST_SEEDS: how many random histories are tried, 3 unless set.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.databases import Databases, run_esdb
from tests.feed_clock import Clock, first_leaf_month, leaf_name, make_months, month_after, set_clock, touched_leaves
from tests.feed_seals import Leaf, leaves, make_span, restore, seal, set_archived, unseal
from tests.feed_support import Crew, append_many, mark, random_of, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection

SEEDS = int(os.environ.get("ESDB_TEST_SEEDS", "3"))
CONTEXTS = {"b": "bookmark", "n": "note", "nt": "nt"}
TYPES = ("Made", "Changed", "Gone", "Rare")
MONTHS = 8


class Event(NamedTuple):
    """What a filter looks at."""

    position: int
    context: str
    group: str
    event_type: str
    aggregate_type: str
    timestamp: datetime


COLUMNS = "position, bounded_context, group_context, event_type, aggregate_type, timestamp"


def stored(connection: Connection) -> list[Event]:
    rows = connection.execute(f"select {COLUMNS} from esdb.events order by position")
    return [Event(*row) for row in rows]


def page(connection: Connection, after: int = 0, count: int = 1000, **options: Any) -> list[Event]:
    given = "".join(f", {name} => %({name})s" for name in options)
    query = f"select {COLUMNS} from esdb.read_all(%(after)s, %(count)s{given})"
    return [Event(*row) for row in connection.execute(query, {"after": after, "count": count, **options})]


def settle(connection: Connection) -> None:
    """Wait until the mark covers all events."""
    query = "select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)"
    last = value(connection, query)
    until(lambda: mark(connection) == last, "the mark")


class Store:
    """A store with months of the past, and the session that fills them."""

    def __init__(self, connection: Connection, writer: Connection, first: datetime) -> None:
        self.connection = connection
        self.writer = writer
        self.first = first
        self.streams = 0

    def append(self, context: str, month: datetime, count: int, *types: str, **options: Any) -> None:
        """Append a batch to a new stream in some month."""
        self.streams += 1
        set_clock(self.writer, month + timedelta(days=9))
        events = Jsonb([{"event_type": types[n % len(types)], "payload": {}} for n in range(count)])
        given = {"bounded_context": context, "events": events, **options}
        append_many(self.writer, f"{context}-{self.streams}", 0, **given)

    def leaf(self, number: int, context: str) -> str:
        """Give the name of a month's leaf."""
        return leaf_name(CONTEXTS[context], month_after(self.first, number))

    def sealed(self) -> list[Leaf]:
        """Give the leaves that are sealed."""
        rows = self.connection.execute("select bounded_context, lower_bound from esdb.seals").fetchall()
        return [leaf for leaf in leaves(self.connection, *CONTEXTS) if (leaf.context, leaf.lower) in rows]

    def touched(self, after: int, count: int, **options: Any) -> set[str]:
        """Give the leaves that a page locks; it has to be full."""
        with self.connection.transaction():
            assert len(page(self.connection, after, count, **options)) == count
            return touched_leaves(self.connection)


def make_store(url: str, connection: Connection) -> Store:
    """Make a store with MONTHS of the past; context nt has a span of its own kind."""
    end = first_leaf_month(connection)
    first = month_after(end, -MONTHS)
    for name in ("bookmark", "note"):
        make_months(connection, name, first, MONTHS)
    make_months(connection, "nt", first, 2)
    make_span(connection, "nt", month_after(first, 2), month_after(first, 5))
    make_months(connection, "nt", month_after(first, 5), MONTHS - 5)
    clock = Clock(lambda **_: psycopg.connect(url, autocommit=True))
    return Store(connection, clock.connect(end), first)


@pytest.fixture
def store(db_url: str, db: Connection) -> Iterator[Store]:
    """Three contexts, thirty events a month each, all but the last month sealed; nt has none in the last."""
    made = make_store(db_url, db)
    for number in range(MONTHS):
        for context in CONTEXTS:
            if number < MONTHS - 1 or context != "nt":
                made.append(context, month_after(made.first, number), 30, "Made", "Changed")
        if number == 3:
            made.append("n", month_after(made.first, number), 1, "Rare", group_context="s")
    settle(db)
    ahead = month_after(made.first, MONTHS - 1)
    seal(db, *(leaf for leaf in leaves(db, *CONTEXTS, "p", "t", "c", "r", "s", "e") if leaf.lower < ahead))
    yield made
    made.writer.close()


def test_the_head_touches_the_newest_month(store: Store) -> None:
    """Of the contexts, those that have written to it: no matter whether the page begins behind what is sealed."""
    last = value(store.connection, "select max(position) from esdb.events")
    head = {store.leaf(MONTHS - 1, context) for context in ("b", "n")}
    assert store.touched(last - 31, 30) == store.touched(last - 31, 30, backward=True) == head
    assert store.touched(0, 60, backward=True) == head
    assert store.touched(last - 2, 1, bounded_contexts=["n"]) == {store.leaf(MONTHS - 1, "n")}
    store.append("b", month_after(store.first, MONTHS - 1), 2, "Made")
    settle(store.connection)
    assert store.touched(last, 2) == head
    assert store.touched(0, 2, backward=True) == head
    assert store.touched(last, 2, bounded_contexts=["b", "nt"]) == {store.leaf(MONTHS - 1, "b")}
    store.append("nt", month_after(store.first, MONTHS - 1), 1, "Made")
    settle(store.connection)
    assert store.touched(last, 3) == head | {store.leaf(MONTHS - 1, "nt")}


def test_an_old_page_touches_its_own_leaves(store: Store) -> None:
    def months(first: int, *others: int) -> set[str]:
        return {store.leaf(n, context) for n in (first, *others) for context in CONTEXTS}

    assert store.touched(0, 10) == {store.leaf(0, "b")}
    assert store.touched(0, 80) == months(0)
    assert store.touched(0, 170) == months(0, 1)
    assert store.touched(95, 100, bounded_contexts=["b"]) == {store.leaf(n, "b") for n in range(1, 5)}
    assert store.touched(0, 80, backward=True, up_to_position=180) == months(1)
    every = {
        leaf.name for leaf in leaves(store.connection, *CONTEXTS) if leaf.upper <= month_after(store.first, MONTHS)
    }
    everything = len(stored(store.connection))
    assert store.touched(0, everything) == every - {store.leaf(MONTHS - 1, "nt")}


def test_leaves_without_what_a_filter_wants_are_left_out(store: Store) -> None:
    head = {store.leaf(MONTHS - 1, context) for context in ("b", "n")}
    third = {store.leaf(3, "n")}
    assert store.touched(0, 1, event_types=["Rare"]) <= third | head
    assert store.touched(0, 1, group_contexts=["s"]) <= third | head
    assert store.touched(0, 1, group_contexts=["s"], bounded_contexts=["n"], backward=True) <= third | head
    with store.connection.transaction():
        assert page(store.connection, group_contexts=["s"], event_types=["Made"]) == []
        assert touched_leaves(store.connection) <= head


def test_a_hole_among_the_sealed_is_read(store: Store) -> None:
    everything = stored(store.connection)
    for leaf in leaves(store.connection, *CONTEXTS)[:9]:
        unseal(store.connection, leaf)
        for count in (7, 1000):
            assert page(store.connection, 0, count) == everything[:count]
            assert page(store.connection, 0, count, backward=True) == everything[::-1][:count]
        seal(store.connection, leaf)


def test_a_context_and_a_used_overflow_are_read_at_once(store: Store, db_url: str) -> None:
    later = month_after(store.first, MONTHS + 9)
    store.append("b", later, 5, "Made")
    store.append("e", later, 5, "Made")
    settle(store.connection)
    everything = stored(store.connection)
    last = everything[-1].position
    assert page(store.connection, last - 10) == everything[-10:]
    made = run_esdb("partitions", "create-next", url=db_url, env=Clock.environment(later))
    assert made.returncode == 0, made.stderr
    assert page(store.connection, last - 10) == everything[-10:]
    assert page(store.connection, 0, 10_000) == everything
    added = run_esdb("contexts", "add", "o", "order", url=db_url)
    assert added.returncode == 0, added.stderr
    store.append("o", later, 5, "Made")
    settle(store.connection)
    assert [event.context for event in page(store.connection, last)] == ["o"] * 5


PAUSE = """
alter function esdb._any_of(text, text, text[]) rename to _any_of_without_pause;
create function esdb._any_of(column_name text, parameter text, wanted text[])
returns text language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock_shared(42);
    return esdb._any_of_without_pause(column_name, parameter, wanted);
end
$$;
"""
"""Holds a reader with a filter up between its look at the seals and its read, as long as somebody holds the lock."""


@pytest.mark.parametrize("change", ["seal", "unseal", "span", "archive"])
def test_what_changes_between_the_look_and_the_read_skips_nothing(
    store: Store, db_url: str, connect: Connect, change: str
) -> None:
    later = month_after(store.first, MONTHS + 9)
    store.append("b", later, 5, "Made")
    settle(store.connection)
    store.connection.execute(PAUSE)
    everything = stored(store.connection)
    chosen = leaves(store.connection, "b", "n")
    crew = Crew()
    pages: list[list[Event]] = []
    reader, holder = connect(), connect()
    holder.execute("select pg_advisory_lock(42)")
    crew.start(lambda: pages.append(page(reader, 0, 10_000, feature_contexts=["c", "u", "d", "r"])))
    until(lambda: waits_for_a_lock(store.connection, reader.info.backend_pid), "the reader waits")
    if change == "seal":
        seal(store.connection, *(leaf for leaf in chosen if leaf.lower == month_after(store.first, MONTHS - 1)))
    elif change == "unseal":
        unseal(store.connection, chosen[0])
        unseal(store.connection, chosen[7])
    elif change == "span":
        made = run_esdb("partitions", "create-next", url=db_url, env=Clock.environment(later))
        assert made.returncode == 0, made.stderr
    else:
        # from here on `esdb partitions archive` waits for the reader
        set_archived(store.connection, chosen[0], "detaching")
    holder.execute("select pg_advisory_unlock(42)")
    crew.join()
    assert pages == [everything]
    if change == "archive":
        with pytest.raises(psycopg.DatabaseError) as refusal:
            page(reader, 0, 10_000)
        assert refusal.value.sqlstate == "SE013"


def test_the_look_at_the_seals_is_of_one_moment(store: Store, connect: Connect) -> None:
    """The leaves at the head are sealed when the reader has seen that they were not, but not yet which are.

    It begins below what is sealed: behind that it asks but once.
    """
    store.connection.execute(
        "alter function esdb._archived_until() rename to _archived_until_without_pause;"
        " create function esdb._archived_until() returns timestamptz language plpgsql volatile as $$ begin"
        " perform pg_advisory_xact_lock_shared(42); return esdb._archived_until_without_pause(); end $$"
    )
    head = stored(store.connection)[-90:]
    crew = Crew()
    pages: list[list[Event]] = []
    reader, holder = connect(), connect()
    holder.execute("select pg_advisory_lock(42)")
    crew.start(lambda: pages.append(page(reader, head[0].position - 1)))
    until(lambda: waits_for_a_lock(store.connection, reader.info.backend_pid), "the reader waits")
    newest = month_after(store.first, MONTHS - 1)
    seal(store.connection, *(leaf for leaf in leaves(store.connection, *CONTEXTS) if leaf.lower == newest))
    holder.execute("select pg_advisory_unlock(42)")
    crew.join()
    assert pages == [head]


def test_readers_miss_nothing_while_leaves_are_sealed_and_unsealed(store: Store, connect: Connect) -> None:
    everything = stored(store.connection)
    crew = Crew()
    done: list[bool] = []
    passes: list[int] = []

    def read(seed: int) -> None:
        dice = random_of(0, "reader", seed)
        connection = connect()
        while not (done and len(passes) > 4):
            after, seen = 0, []
            while rows := page(connection, after, dice.choice([40, 200, 1000])):
                seen += rows
                after = rows[-1].position
            assert seen == everything
            passes.append(seed)

    for seed in range(2):
        crew.start(read, seed)
    dice = random_of(0, "sealer")
    candidates = leaves(store.connection, *CONTEXTS)
    for _ in range(60):
        leaf = dice.choice(candidates)
        if leaf in store.sealed():
            unseal(store.connection, leaf)
        else:
            seal(store.connection, leaf)
    done.append(True)
    crew.join()


class History:
    """A random history, and what each page of it has to be."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self.store = store
        self.dice = dice
        self.events: list[Event] = []
        self.archived: dict[Leaf, str] = {}

    def step(self) -> None:
        """Do one thing to the store."""
        dice, store = self.dice, self.store
        sealed = [leaf for leaf in store.sealed() if leaf not in self.archived]
        open_ = [leaf for leaf in leaves(store.connection, *CONTEXTS) if leaf not in [*sealed, *self.archived]]
        action = dice.choices(["append", "seal", "unseal", "archive", "restore"], [6, 4, 2, 2, 1])[0]
        if action == "append" and open_:
            leaf = dice.choice(open_[:8])
            types = dice.sample(TYPES, dice.randint(1, 3))
            group, kind = dice.choice("mcs"), dice.choice(["page", "line"])
            count = dice.choice([1, 5, 40])
            store.append(leaf.context, leaf.lower, count, *types, group_context=group, aggregate_type=kind)
            settle(store.connection)
            known = {event.position for event in self.events}
            self.events += [event for event in stored(store.connection) if event.position not in known]
        elif action == "seal":
            seal(store.connection, *open_[: dice.randint(0, 4)])
        elif action == "unseal" and sealed:
            unseal(store.connection, dice.choice(sealed))
        elif action == "archive" and sealed:
            leaf = dice.choice(sealed)
            self.archived[leaf] = dice.choice(["archiving", "detaching", "archived"])
            set_archived(store.connection, leaf, self.archived[leaf])
        elif action == "restore" and self.archived:
            leaf = dice.choice(list(self.archived))
            restore(store.connection, leaf)
            del self.archived[leaf]

    def _of(self, leaf: Leaf) -> list[Event]:
        own = [event for event in self.events if event.context == leaf.context]
        return [event for event in own if leaf.lower <= event.timestamp < leaf.upper]

    def check_page(self) -> str:
        """Read a random page and hold it against the events; tell what came of it."""
        dice = self.dice
        last = self.events[-1].position if self.events else 0
        after = dice.choice([0, 0, last, dice.randint(0, last)])
        up_to = dice.choice([None, None, dice.randint(0, last)])
        count = dice.choice([1, 2, 10, 50, 1000])
        backward, skip = dice.random() < 0.4, dice.random() < 0.3
        filters = {
            "bounded_contexts": dice.choice([None, None, dice.sample(list(CONTEXTS), dice.randint(1, 2))]),
            "group_contexts": dice.choice([None, None, None, dice.sample("mcs", dice.randint(1, 2))]),
            "event_types": dice.choice([None, None, dice.sample(TYPES, dice.randint(1, 2))]),
            "aggregate_types": dice.choice([None, None, None, ["page"]]),
        }

        def passes(event: Event, *names: str) -> bool:
            fields = (event.context, event.group, event.event_type, event.aggregate_type)
            pairs = zip(filters, filters.values(), fields, strict=True)
            return all(wanted is None or field in wanted for name, wanted, field in pairs if name in names)

        top = last if up_to is None else up_to
        gone = [leaf for leaf, state in self.archived.items() if state != "archiving"]
        there = [event for event in self.events if all(event not in self._of(leaf) for leaf in gone)]
        wanted = [event for event in there if after < event.position <= top and passes(event, *filters)]
        wanted = (wanted[::-1] if backward else wanted)[:count]
        refused = False
        for leaf in gone:
            held = [event.position for event in self._of(leaf)]
            concerns = any(passes(event, *list(filters)[:3]) for event in self._of(leaf))
            if concerns and max(held) > after and min(held) <= top:
                nearer = [e for e in wanted if (e.position > max(held) if backward else e.position < min(held))]
                refused = refused or len(nearer) < count
        given = {"backward": backward, "up_to_position": up_to, "skip_archived": skip, **filters}
        if refused and not skip:
            with pytest.raises(psycopg.DatabaseError) as refusal:
                page(self.store.connection, after, count, **given)
            assert refusal.value.sqlstate == "SE013", (given, after, count)
            return "refused"
        rows = page(self.store.connection, after, count, **given)
        assert rows == wanted, (given, after, count)
        return "full" if len(rows) == count else "short"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_page_is_what_the_table_holds(databases: Databases, seed: int) -> None:
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        store = make_store(url, connection)
        history = History(store, random_of(seed, "history"))
        outcomes = []
        for _ in range(70):
            history.step()
            if history.events:
                outcomes += [history.check_page() for _ in range(6)]
        store.writer.close()
    databases.drop(url)
    assert outcomes
