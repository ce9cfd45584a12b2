"""What reads say of events that are archived (SE013), and what goes on without them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, set_clock
from tests.feed_seals import Leaf, leaves, restore, seal, set_archived
from tests.feed_support import Appended, append, append_many, call, mark, until, value
from tests.fixtures import Connection

STATES = ("detaching", "archived")


class Store(NamedTuple):
    """Four months of the past: `long` is in months 0, 1 and 3, `note` in month 1; month 1 of the bookmarks goes."""

    connection: Connection
    writer: Connection
    first: datetime
    events: list[Appended]
    leaf: Leaf

    def positions(self, *arguments: Any, **options: Any) -> list[int]:
        """Read a page of the feed."""
        names = ("after_position", "max_count")
        given = {**dict(zip(names, arguments, strict=False)), **options}
        return [row[0] for row in call(self.connection, "read_all", **given)]

    def refused(self, function: str, **arguments: Any) -> psycopg.errors.Diagnostic:
        """Call what must be refused with SE013 and give the error."""
        with pytest.raises(psycopg.DatabaseError) as refusal:
            call(self.connection, function, **arguments)
        assert refusal.value.sqlstate == "SE013"
        assert self.leaf.name in (refusal.value.diag.message_primary or "")
        return refusal.value.diag


@pytest.fixture
def store(db_url: str, db: Connection) -> Iterator[Store]:
    end = first_leaf_month(db)
    first = month_after(end, -4)
    for name in ("bookmark", "note"):
        make_months(db, name, first, 4)
    writer = Clock(lambda **_: psycopg.connect(db_url, autocommit=True)).connect(end)
    events = []
    for number in (0, 1, 3):
        set_clock(writer, month_after(first, number) + timedelta(days=3))
        events += append_many(writer, "long", 3, metadata=Jsonb({"correlation_id": "c"}))
        if number == 1:
            events += append_many(writer, "note", 2, bounded_context="n")
    until(lambda: mark(db) == events[-1].position, "the mark")
    seal(db, *(leaf for leaf in leaves(db, "b", "n") if leaf.upper <= end))
    (leaf,) = [leaf for leaf in leaves(db, "b") if leaf.lower == month_after(first, 1)]
    yield Store(db, writer, first, events, leaf)
    writer.close()


def test_a_month_being_archived_is_read(store: Store) -> None:
    everything = [event.position for event in store.events]
    set_archived(store.connection, store.leaf, "archiving")
    assert store.positions() == everything
    assert len(call(store.connection, "read_correlated", correlation_id="c", since=store.first)) == 9
    at = month_after(store.first, 1) + timedelta(days=4)
    assert call(store.connection, "load_aggregate", aggregate_id="long", as_of=at)[0][1] == 6


@pytest.mark.parametrize("state", STATES)
def test_pages_before_and_behind_an_archive_are_served(store: Store, state: str) -> None:
    everything = [event.position for event in store.events]
    before, archived, note, behind = everything[:3], everything[3:6], everything[6:8], everything[8:]
    set_archived(store.connection, store.leaf, state)
    assert store.positions(0, 3) == before
    assert store.positions(0, 1000, up_to_position=before[-1]) == before
    detail = store.refused("read_all", max_count=4).message_detail or ""
    assert f'"max_position": {archived[-1]}' in detail
    assert f'"min_position": {archived[0]}' in detail
    assert '"location": "/archive"' in detail
    store.refused("read_all", after_position=archived[1], max_count=1)
    assert store.positions(archived[-1], 1000) == note + behind
    assert store.positions(0, 5, backward=True) == (note + behind)[::-1]
    store.refused("read_all", max_count=6, backward=True)
    assert store.positions(0, 3, backward=True, up_to_position=before[-1]) == before[::-1]
    # cursors that stand in front of an archive never pass it by a page that is short
    store.refused("read_all", after_position=before[-1], max_count=1)
    assert store.positions(0, 1000, skip_archived=True) == before + note + behind
    assert store.positions(0, 1000, skip_archived=True, backward=True) == (before + note + behind)[::-1]
    restore(store.connection, store.leaf)
    assert store.positions() == everything


@pytest.mark.parametrize("state", STATES)
def test_filters_that_no_archived_event_passes_are_not_concerned(store: Store, state: str) -> None:
    note = [event.position for event in store.events[6:8]]
    set_archived(store.connection, store.leaf, state)
    assert store.positions(bounded_contexts=["n"]) == note
    assert store.positions(event_types=["None"]) == []
    assert store.positions(group_contexts=["s"]) == []
    store.refused("read_all", event_types=["Happened"])
    store.refused("read_all", feature_contexts=["d"])  # the seal does not know of features
    store.refused("read_all", bounded_contexts=["b"], max_count=4)


def test_an_archive_without_events_concerns_nobody(store: Store) -> None:
    everything = [event.position for event in store.events]
    (empty,) = [leaf for leaf in leaves(store.connection, "n") if leaf.lower == store.first]
    set_archived(store.connection, empty, "archived")
    assert store.positions() == everything
    assert store.positions(backward=True) == everything[::-1]


@pytest.mark.parametrize("state", STATES)
def test_an_aggregate_as_of_an_archived_time_is_refused(store: Store, state: str) -> None:
    connection = store.connection
    connection.execute("select esdb.save_snapshot('long', 6, '{}')")
    connection.execute("select esdb.save_snapshot('long', 2, '{}')")
    set_archived(connection, store.leaf, state)
    within = month_after(store.first, 1) + timedelta(days=20)
    for function in ("load_aggregate", "get_snapshot"):
        assert "version" in (store.refused(function, aggregate_id="long", as_of=within).message_hint or "")
    # the months alone tell which version it was at the end of an archived month, and before
    after = month_after(store.first, 2)
    assert call(connection, "load_aggregate", aggregate_id="long", as_of=after)[0][1:3] == (6, 6)
    assert call(connection, "get_snapshot", aggregate_id="long", as_of=after)[0][1] == 6
    before = month_after(store.first, 1) - timedelta(seconds=1)
    assert call(connection, "load_aggregate", aggregate_id="long", as_of=before)[0][1:3] == (3, 2)
    assert call(connection, "load_aggregate", aggregate_id="long")[0][1:3] == (9, 6)
    assert call(connection, "get_snapshot", aggregate_id="long", at_version=5)[0][1] == 2
    connection.execute("select esdb.save_snapshot('long', 4, '{}')")
    assert [row[0] for row in call(connection, "list_streams")] == ["long", "note"]


@pytest.mark.parametrize("state", STATES)
def test_correlated_events_are_refused_where_the_times_reach_an_archive(store: Store, state: str) -> None:
    connection = store.connection
    set_archived(connection, store.leaf, state)
    for function, name in (("read_correlated", "correlation_id"), ("read_caused_by", "event_id")):
        given = {name: "c"}
        hint = store.refused(function, **given, since=store.first).message_hint
        assert "pass since" in (hint or "")
        store.refused(function, **given, since=store.leaf.upper - timedelta(seconds=1))
        store.refused(function, **given, since=store.first, until=store.leaf.lower + timedelta(seconds=1))
        call(connection, function, **given, since=store.leaf.upper)
        call(connection, function, **given, since=store.first, until=store.leaf.lower)
    assert len(call(connection, "read_correlated", correlation_id="c", since=store.leaf.upper)) == 3


@pytest.mark.parametrize("state", STATES)
def test_an_archived_id_is_never_taken_for_a_new_one(store: Store, state: str) -> None:
    archived = store.events[3]
    set_archived(store.connection, store.leaf, state)
    value(store.connection, "select esdb.set_setting('idempotency_retention', '10 years')")
    with pytest.raises(psycopg.DatabaseError) as refusal:
        append(store.writer, "long", id=archived.id)
    assert refusal.value.sqlstate == "SE013"
    assert "idempotency_retention" in (refusal.value.diag.message_hint or "")
    assert append(store.writer, "note", bounded_context="n", id="new").version == 3
    value(store.connection, "select esdb.set_setting('idempotency_retention', '7 days')")
    assert append(store.writer, "long", id="new").version == 10
    again = append(store.writer, "long", id="new")
    assert again.version == 10
