"""What a call touches: no reader looks at a leaf that it need not, and each has its index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.databases import Databases
from tests.feed_clock import (
    leaf_name,
    month_after,
    months_of_the_past,
    set_clock,
    touched_leaves,
)
from tests.feed_support import append, append_many, call, mark, until, value
from tests.fixtures import Connect, Connection
from tests.seal_support import PastMonth

MONTHS = 12
BULK = 10_000


class Year(NamedTuple):
    """A store with twelve months of the past."""

    connection: Connection
    url: str
    first: datetime

    def leaf(self, number: int, context_name: str = "bookmark") -> str:
        """Give the leaf of one of the months, from 0."""
        return leaf_name(context_name, month_after(self.first, number))


@pytest.fixture(scope="module")
def year(databases: Databases) -> Iterator[Year]:
    """Streams: `one` lives in month 2, `three` in months 0, 5 and 9, `bulk` in month 10, `note` in month 11."""
    url = databases.migrated()
    with months_of_the_past(url, MONTHS) as (connection, first, writer):
        for number, stream, count in ((0, "three", 5), (2, "one", 20), (5, "three", 5), (9, "three", 5)):
            set_clock(writer, month_after(first, number).replace(day=10))
            append_many(writer, stream, count)
        set_clock(writer, month_after(first, 10).replace(day=10))
        append(writer, "one-id", id="no-ulid")
        for batch in range(BULK // 1000):
            kind = [{"event_type": f"Kind{n % 50}", "payload": {}} for n in range(1000)]
            append_many(writer, f"bulk-{batch}", 0, events=Jsonb(kind))
        set_clock(writer, month_after(first, 11).replace(day=10))
        append_many(writer, "note", 3, bounded_context="n")
        connection.execute("analyze esdb.events")
        last = value(connection, "select max(position) from esdb.events")
        until(lambda: mark(connection) == last, "the mark")
        yield Year(connection, url, first)
    databases.drop(url)


@pytest.fixture
def session(year: Year) -> Iterator[Connection]:
    """A session of its own: no plan or cache of another test."""
    with psycopg.connect(year.url, autocommit=True) as connection:
        yield connection


def touched_by(connection: Connection, query: str) -> set[str]:
    with connection.transaction():
        assert connection.execute(query).fetchall()
        return touched_leaves(connection)


def plans_of(connection: Connection, query: str) -> str:
    """Run a query and give the plans of all statements inside it."""
    plans: list[str] = []

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        plans.append(notice.message_primary or "")

    connection.add_notice_handler(keep)
    connection.execute("load 'auto_explain'")
    connection.execute(
        "set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
        " set auto_explain.log_analyze = on; set client_min_messages = log"
    )
    rows = connection.execute(query).fetchall()
    connection.remove_notice_handler(keep)
    connection.execute("set auto_explain.log_min_duration = -1")
    assert rows
    assert plans
    return "\n".join(plan for plan in plans if re.search(r"from esdb\.events\w* as e", plan))


def test_a_stream_of_one_month_touches_one_leaf(year: Year, session: Connection) -> None:
    for query in (
        "select * from esdb.read_stream('one')",
        "select * from esdb.read_stream('one', from_version => 3, to_version => 9, backward => true)",
    ):
        assert touched_by(session, query) == {year.leaf(2)}


def test_a_stream_of_three_months_touches_three_leaves_and_a_page_fewer(year: Year, session: Connection) -> None:
    def touched(arguments: str) -> set[str]:
        return touched_by(session, f"select * from esdb.read_stream('three'{arguments})")

    assert touched("") == {year.leaf(0), year.leaf(5), year.leaf(9)}
    assert touched(", max_count => 5") == {year.leaf(0)}
    assert touched(", from_version => 4, max_count => 4") == {year.leaf(0), year.leaf(5)}
    assert touched(", from_version => 6, to_version => 10") == {year.leaf(5)}
    assert touched(", from_version => 11") == {year.leaf(9)}
    assert touched(", backward => true, max_count => 3") == {year.leaf(9)}
    assert touched(", backward => true, max_count => 6") == {year.leaf(5), year.leaf(9)}


def test_an_aggregate_touches_the_leaves_behind_its_snapshot(year: Year, session: Connection) -> None:
    def loaded(snapshot: int | None, **arguments: object) -> tuple[int, set[str]]:
        with session.transaction(force_rollback=True):
            if snapshot is not None:
                session.execute("select esdb.save_snapshot('three', %s::bigint, '{}')", (snapshot,))
            assert touched_leaves(session) == set()
            ((_, version, used, _, events),) = call(session, "load_aggregate", aggregate_id="three", **arguments)
            assert used == snapshot
            assert [event["version"] for event in events] == list(range((used or 0) + 1, version + 1))
            return version, touched_leaves(session)

    in_month = [year.leaf(n) for n in (0, 5, 9)]
    assert loaded(None) == (15, set(in_month))
    assert loaded(3) == (15, set(in_month))
    assert loaded(5) == (15, set(in_month[1:]))
    assert loaded(12) == (15, {in_month[2]})
    assert loaded(15) == (15, set())
    assert loaded(5, at_version=8) == (8, {in_month[1]})
    assert loaded(10, at_version=10) == (10, set())
    # a time in a month without events is known from the months alone, one in a month with events from its leaf
    between = month_after(year.first, 7)
    assert loaded(5, as_of=between) == (10, {in_month[1]})
    assert loaded(10, as_of=between) == (10, set())
    first = value(session, "select timestamp from esdb.read_stream('three', 6, 6)")
    assert loaded(5, as_of=first) == (10, {in_month[1]})
    assert loaded(5, as_of=first - timedelta(microseconds=1)) == (5, {in_month[1]})


def test_a_snapshot_as_of_a_time_touches_one_leaf_at_most(year: Year, session: Connection) -> None:
    time = value(session, "select timestamp from esdb.read_stream('three', 12, 12)")
    before = time - timedelta(microseconds=1)
    with session.transaction(force_rollback=True):
        session.execute("select esdb.save_snapshot('three', 1, '{}')")
        for query, wanted in (
            ("select * from esdb.get_snapshot('three')", set()),
            ("select * from esdb.get_snapshot('three', 7)", set()),
            (f"select * from esdb.get_snapshot('three', as_of => '{month_after(year.first, 3)}')", set()),
            (f"select * from esdb.get_snapshot('three', as_of => '{before}')", {year.leaf(9)}),
        ):
            assert session.execute(query).fetchall()
            assert touched_leaves(session) == wanted, query


def test_the_feed_touches_no_leaf_ahead_of_the_newest_event(year: Year, session: Connection) -> None:
    months = {year.leaf(n, context) for n in range(MONTHS) for context in ("bookmark", "note")}
    assert touched_by(session, "select * from esdb.read_all()") == months
    last = value(session, "select max(position) from esdb.events")
    assert touched_by(session, f"select * from esdb.read_all({last - 1})") == months
    assert touched_by(session, "select * from esdb.read_all(backward => true, max_count => 1)") == months
    with session.transaction():
        assert session.execute("select * from esdb.read_all(%s)", (last,)).fetchall() == []
        assert touched_leaves(session) == set()


def test_the_feed_of_a_context_touches_its_leaves_alone(year: Year, session: Connection) -> None:
    notes = {year.leaf(n, "note") for n in range(MONTHS)}
    assert touched_by(session, "select * from esdb.read_all(bounded_contexts => '{n}')") == notes
    both = notes | {year.leaf(n) for n in range(MONTHS)}
    assert touched_by(session, "select * from esdb.read_all(bounded_contexts => '{n,b}')") == both


def test_an_event_by_its_id_touches_the_leaves_that_can_hold_it(year: Year, session: Connection) -> None:
    ulid = value(session, "select id from esdb.read_stream('one', max_count => 1)")
    own = touched_by(session, f"select * from esdb.get_event('{ulid}')")
    assert own == {year.leaf(2), year.leaf(2, "note")}
    assert touched_by(session, f"select * from esdb.get_event('{ulid}', 'one')") == {year.leaf(2)}
    ulid = value(session, "select id from esdb.read_stream('three', from_version => 7, max_count => 1)")
    assert touched_by(session, f"select * from esdb.get_event('{ulid}', 'three')") == {year.leaf(5)}
    # the search of the whole store gives its locks back
    assert touched_by(session, "select * from esdb.get_event('no-ulid')") == {year.leaf(10)}


def test_each_reader_has_its_index(year: Year, session: Connection) -> None:
    leaf = year.leaf(10)
    first = value(session, f"select min(position) from esdb.{leaf}")
    ulid = value(session, "select id from esdb.read_stream('bulk-3', max_count => 1)")
    calls = {
        "select * from esdb.read_stream('bulk-3', from_version => 500, max_count => 5)": "version",
        f"select * from esdb.read_all({first + 100}, 10)": "position",
        f"select * from esdb.read_all({first}, 10, event_types => '{{Kind7}}')": "event_type",
        f"select * from esdb.get_event('{ulid}')": "pkey",
        f"select * from esdb.get_event('{ulid}', 'bulk-3')": "pkey",
    }
    for query, index in calls.items():
        plan = plans_of(session, query)
        assert re.search(rf"Index Scan using {leaf}_{index} ", plan), (query, plan)
        assert f"Seq Scan on {leaf} " not in plan, (query, plan)


def test_a_page_of_a_large_leaf_reads_little_more_than_the_page(year: Year, session: Connection) -> None:
    first = value(session, f"select min(position) from esdb.{year.leaf(10)}")
    for arguments in (
        f"{first + 10}, 10", f"{first + 10}, 10, event_types => '{{Kind7}}'",
        "0, 10, event_types => '{Kind7}', backward => true", f"{first + 10}, 10, event_types => '{{Kind7,Kind8}}'",
    ):  # fmt: skip
        plan = plans_of(session, f"select * from esdb.read_all({arguments})")
        most = max(int(rows) for rows in re.findall(r"actual time=\S+ rows=(\d+)", plan))
        removed = sum(int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan))
        assert most + removed < 1000, plan


def test_near_the_head_a_filter_without_an_index_reads_what_is_left(year: Year, session: Connection) -> None:
    """The index on groups and features comes with the seal; until then the index on positions serves them."""
    last = value(session, f"select max(position) from esdb.{year.leaf(10)}")
    for arguments in (
        f"{last - 200}, 10, group_contexts => '{{m}}'", f"{last - 200}, 10, feature_contexts => '{{u}}'",
        f"{last - 200}, 1000, group_contexts => '{{m}}', feature_contexts => '{{u}}'",
        f"{last - 200}, 1000, feature_contexts => '{{u,d}}', event_types => '{{Kind7,Kind8}}'",
        f"0, 10, feature_contexts => '{{u}}', backward => true, up_to_position => {last}",
    ):  # fmt: skip
        plan = plans_of(session, f"select * from esdb.read_all({arguments})")
        assert f"Seq Scan on {year.leaf(10)} " not in plan, plan
        most = max(int(rows) for rows in re.findall(r"actual time=\S+ rows=(\d+)", plan))
        removed = sum(int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan))
        assert most + removed < 600, plan


def test_a_sealed_month_is_read_by_its_groups_and_features(db: Connection, connect: Connect, db_url: str) -> None:
    past = PastMonth(db, connect)
    for number in range(5):
        append_many(past.writer, f"s-{number}", 1000)
        append(past.writer, f"c-{number}", group_context="c")
    past.seal()
    with psycopg.connect(db_url, autocommit=True) as reader:
        query = "select * from esdb.read_all(0, 10, group_contexts => '{c}')"
        plan = plans_of(reader, query)
        assert f"Index Scan using {past.leaf}_context " in plan, plan
        assert [row[7] for row in reader.execute(query)] == [f"c-{number}" for number in range(5)]


def test_an_append_touches_one_leaf(year: Year, session: Connection) -> None:
    month = leaf_name("bookmark", value(session, "select date_trunc('month', now(), 'UTC')"))
    for _ in range(3):
        with session.transaction(force_rollback=True):
            append(session, "appended")
            append(session, "appended")
            append_many(session, "appended", 5)
            assert touched_leaves(session) == {month}
    assert year.leaf(0) != month


def test_no_call_touches_more_when_it_is_repeated(year: Year, session: Connection) -> None:
    """A cached generic plan would lock every leaf; the server makes one from the sixth call on."""
    ulid = value(session, "select id from esdb.read_stream('one', max_count => 1)")
    session.prepare_threshold = 0
    for query, parameters in (
        ("select * from esdb.read_stream(%s)", ("one",)),
        ("select * from esdb.read_stream(%s, %s::bigint)", ("three", 6)),
        ("select * from esdb.load_aggregate(%s)", ("three",)),
        ("select * from esdb.load_aggregate(%s, %s::bigint)", ("three", 8)),
        ("select * from esdb.load_aggregate(%s, as_of => %s)", ("three", month_after(year.first, 6))),
        ("select * from esdb.read_all(%s::bigint, bounded_contexts => '{n}')", (0,)),
        ("select * from esdb.get_event(%s)", (ulid,)),
        ("select * from esdb.get_event(%s, %s)", (ulid, "one")),
        ("select esdb.append_event(%s, 'T', '{}', bounded_context => 'b', group_context => 'm')", ("repeated",)),
    ):
        first: set[str] = set()
        for number in range(20):
            with session.transaction(force_rollback=True):
                assert session.execute(query, parameters).fetchall()
                touched = touched_leaves(session)
            first = first or touched
            assert touched == first, (query, number)
