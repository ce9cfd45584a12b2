"""Events by correlation and causation, and streams by type: which index finds them, and that none is missed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.indexes import change
from tests.databases import Databases
from tests.feed_clock import (
    Clock,
    first_leaf_month,
    leaf_name,
    month_after,
    months_of_the_past,
    set_clock,
    touched_leaves,
)
from tests.feed_support import append, append_many, random_of, value
from tests.fixtures import Connect, Connection
from tests.test_plans import plans_of, touched_by

MONTHS = 6
BULK = 5000
RARE = 3
IDS = ("a", "b", "it's", "日本", "", "A", "a ", "x" * 255, "x" * 256, "x" * 300, "🎉" * 3000, "%s $1 \\", "null", "7")


class Store(NamedTuple):
    """A store with months of the past, in which the optional index correlation is on."""

    connection: Connection
    url: str
    first: datetime

    def leaves(self, first: int = 0, last: int = MONTHS - 1) -> set[str]:
        """Give the leaves of some months, of both contexts that have them."""
        months = [month_after(self.first, number) for number in range(first, last + 1)]
        return {leaf_name(context, month) for context in ("bookmark", "note") for month in months}


@pytest.fixture(scope="module")
def months(databases: Databases) -> Iterator[Store]:
    """The chain `c` has an event a month, in turn a bookmark's and a note's; month 3 holds many others beside it."""
    url = databases.migrated()
    with months_of_the_past(url, MONTHS) as (connection, first, writer):
        for number in range(MONTHS):
            set_clock(writer, month_after(first, number).replace(day=10))
            metadata = {"correlation_id": "c", "causation_id": "e"}
            append(writer, f"s-{number % 2}", metadata=Jsonb(metadata), bounded_context="bn"[number % 2])
            if number == 3:
                for batch in range(BULK // 1000):
                    others = [
                        {"event_type": "T", "payload": {}, "metadata": {"correlation_id": f"{batch}-{n // 4}"}}
                        for n in range(1000)
                    ]
                    append_many(writer, f"bulk-{batch}", 0, events=Jsonb(others))
        change(connection, "correlation", wanted=True)
        connection.execute("analyze esdb.events")
        yield Store(connection, url, first)
    databases.drop(url)


@pytest.fixture
def session(months: Store) -> Iterator[Connection]:
    """A session of its own: no plan of another test."""
    with psycopg.connect(months.url, autocommit=True) as connection:
        yield connection


def test_a_chain_touches_no_leaf_outside_its_bounds(months: Store, session: Connection) -> None:
    fourth = month_after(months.first, 4).isoformat()
    second = month_after(months.first, 2).isoformat()
    for call in ("read_correlated('c'", "read_caused_by('e'"):
        for bounds, expected in (
            ("", months.leaves()),
            (f", since => '{fourth}'", months.leaves(4)),
            (f", until => '{second}'", months.leaves(0, 1)),
            (f", since => '{second}', until => '{fourth}'", months.leaves(2, 3)),
        ):
            assert touched_by(session, f"select * from esdb.{call}{bounds})") == expected


def test_without_the_index_the_bounds_alone_are_read(months: Store, session: Connection) -> None:
    fourth = month_after(months.first, 4).isoformat()
    with session.transaction(force_rollback=True):
        session.execute("update esdb.optional_indexes set ready = false")
        assert session.execute("select * from esdb.read_correlated('c', since => %s)", (fourth,)).fetchall()
        assert touched_leaves(session) == months.leaves(4)


@pytest.mark.parametrize("rows", [1, 1000, 100_000])
def test_a_chain_is_found_by_its_index(months: Store, session: Connection, rows: int) -> None:
    leaf = leaf_name("bookmark", month_after(months.first, 3))
    for call, index in (("read_correlated('2-100'", "correlated"), ("read_caused_by('e'", "caused_by")):
        plan = plans_of(session, f"select * from esdb.{call}, {rows})")
        assert f"{leaf}_{index} " in plan, plan
        assert f"Seq Scan on {leaf} " not in plan, plan
        read = [int(found) for found in re.findall(r"actual time=\S+ rows=(\d+)", plan)]
        removed = [int(found) for found in re.findall(r"Rows Removed by \w+(?: Recheck)?: (\d+)", plan)]
        assert max(read) + sum(removed) < 50, plan


def test_a_page_of_a_long_chain_is_a_range_of_the_index(db: Connection, connect: Connect) -> None:
    events = [{"event_type": "T", "payload": {}, "metadata": {"correlation_id": "long"}}] * 5000
    append_many(db, "long", 0, events=Jsonb(events))
    change(connect(), "correlation", wanted=True)
    db.execute("analyze esdb.events")
    plan = plans_of(db, "select * from esdb.read_correlated('long', 5)")
    assert max(int(found) for found in re.findall(r"actual time=\S+ rows=(\d+)", plan)) <= 5, plan


def test_no_call_touches_more_when_it_is_repeated(months: Store, session: Connection) -> None:
    """A cached generic plan would lock every leaf; the server makes one from the sixth call on."""
    session.prepare_threshold = 0
    since = month_after(months.first, 4)
    for _ in range(20):
        with session.transaction():
            assert session.execute("select * from esdb.read_correlated(%s, since => %s)", ("c", since)).fetchall()
            assert session.execute("select * from esdb.read_caused_by(%s, since => %s)", ("e", since)).fetchall()
            assert touched_leaves(session) == months.leaves(4)


def test_a_rare_type_of_streams_is_found_by_the_index(db: Connection, connect: Connect) -> None:
    db.execute(
        "insert into esdb.streams select 's-' || md5(i::text), case when i <= %(rare)s then 'rare' else 'common' end,"
        " case when i <= %(rare)s then 'e' else 'n' end, 'm', 1, 1, now(), now() from generate_series(1, 20000) as i",
        {"rare": RARE},
    )
    change(connect(), "streams", wanted=True)
    db.execute("analyze esdb.streams")
    db.execute("load 'auto_explain'")
    db.execute(
        "set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
        " set client_min_messages = log; set plan_cache_mode = auto"
    )
    plans: list[str] = []
    db.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    db.prepare_threshold = 0
    for wanted, index in (
        ("rare", "streams_type"), ("none", "streams_type"), ("common", "streams_(type|pkey)"), ("rare", "streams_type"),
    ):  # fmt: skip
        for _ in range(8):
            plans.clear()
            found = db.execute("select aggregate_type from esdb.list_streams(%s)", (wanted,)).fetchall()
            assert found == [(wanted,)] * {"rare": RARE, "none": 0, "common": 100}[wanted]
            assert any(re.search(rf"(Index|Bitmap Index) Scan (using|on) {index} ", plan) for plan in plans), plans
            assert not any("Seq Scan on streams" in plan for plan in plans), plans
    plans.clear()
    assert len(db.execute("select * from esdb.list_streams(bounded_context => 'e')").fetchall()) == RARE
    assert any("streams_context" in plan for plan in plans), plans


@pytest.mark.parametrize("seed", range(4))
def test_the_index_changes_no_result(db: Connection, connect: Connect, seed: int) -> None:
    """Random events; what the functions find is what a plain query finds, before the index, with it, and after."""
    rng = random_of(seed, "correlation")
    clock = Clock(connect)
    start = first_leaf_month(db)
    writer = clock.connect(start)
    for number in range(150):
        set_clock(writer, start + timedelta(hours=16 * number))
        count = rng.randrange(1, 4)
        events = [{"event_type": "T", "payload": {}, **_metadata(rng)} for _ in range(count)]
        append_many(writer, f"s-{number % 20}", 0, events=Jsonb(events), bounded_context="bnp"[number % 20 % 3])
    calls = [_random_call(rng, start) for _ in range(60)]
    expected = [_plainly(db, *call) for call in calls]
    assert sum(map(bool, expected)) > 20
    assert [_called(db, *call) for call in calls] == expected
    change(connect(), "correlation", wanted=True)
    db.execute("set enable_seqscan = off; set enable_bitmapscan = off")
    assert [_called(db, *call) for call in calls] == expected
    assert [_called(db, *call, scan=False) for call in calls] == expected
    change(connect(), "correlation", wanted=False)
    assert [_called(db, *call) for call in calls] == expected


Call = tuple[str, str, int, datetime | None, datetime | None]


def _metadata(rng: random.Random) -> dict[str, Any]:
    ids = {key: rng.choice([*IDS, 7, None]) for key in ("correlation_id", "causation_id") if rng.random() < 0.8}
    return {"metadata": ids} if rng.random() < 0.9 else {}


def _random_call(rng: random.Random, start: datetime) -> Call:
    key = rng.choice(("correlation_id", "causation_id"))
    bounds = sorted(start + timedelta(hours=rng.randrange(-100, 2600)) for _ in range(2))
    since, until = (bound if rng.random() < 0.5 else None for bound in bounds)
    return key, rng.choice(IDS), rng.choice((1, 2, 5, 1000)), since, until


def _called(
    connection: Connection, key: str, id_: str, count: int, since: Any, until: Any, *, scan: bool = True
) -> Any:
    function = {"correlation_id": "read_correlated", "causation_id": "read_caused_by"}[key]
    if since is None and scan:
        since = "-infinity"
    return connection.execute(
        f"select position from esdb.{function}(%s, %s, %s, %s)",
        (id_, count, since, until),
    ).fetchall()


def _plainly(connection: Connection, key: str, id_: str, count: int, since: Any, until: Any) -> Any:
    return connection.execute(
        "select position from esdb.events where metadata ->> %s = %s"
        " and timestamp >= coalesce(%s, '-infinity'::timestamptz) and timestamp < coalesce(%s, 'infinity'::timestamptz)"
        " order by position limit %s",
        (key, id_, since, until, count),
    ).fetchall()


def test_an_id_of_any_length_is_appended_with_the_index_on(db: Connection, connect: Connect) -> None:
    change(connect(), "correlation", wanted=True)
    rng = random_of(0, "incompressible")
    long = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))
    append(db, "s", metadata=Jsonb({"correlation_id": long, "causation_id": long}))
    assert value(db, "select count(*) from esdb.read_correlated(%s)", (long,)) == 1
    assert value(db, "select count(*) from esdb.read_caused_by(%s)", (long,)) == 1
    assert value(db, "select count(*) from esdb.read_correlated(%s)", (long[:-1],)) == 0
