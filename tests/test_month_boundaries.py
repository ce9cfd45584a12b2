"""Midnight of a month's last day, in UTC: transactions across it, sessions in other zones, leap years, odd clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.databases import run_esdb
from tests.feed_clock import Clock, leaf_name, month_after, set_clock, utc
from tests.feed_support import Crew, append, append_many, mark, read_all, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection

TICK = timedelta(microseconds=1)
ZONES = ["UTC", "Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago", "Asia/Kathmandu"]


@pytest.fixture
def clock(connect: Connect) -> Clock:
    return Clock(connect)


@pytest.fixture
def midnight(db: Connection) -> datetime:
    """The end of a month of which the store has the next one too."""
    start = value(db, "select esdb._utc_month(now(), 2)")
    assert isinstance(start, datetime)
    return start.astimezone(UTC)


def found(connection: Connection, stream: str) -> list[tuple[str, datetime]]:
    """Give leaf and time of each of a stream's events in the order of versions, past the store's functions."""
    rows = connection.execute(
        "select tableoid::regclass::text, timestamp from esdb.events where aggregate_id = %s order by version",
        (stream,),
    ).fetchall()
    return [(leaf.removeprefix("esdb."), time) for leaf, time in rows]


def assert_whole(connection: Connection, streams: dict[str, int]) -> None:
    """Each stream has so many versions for every reader, in order of time and position; the feed has all of them."""
    for stream, count in streams.items():
        rows = connection.execute(
            "select version, timestamp, position, id from esdb.read_stream(%s)", (stream,)
        ).fetchall()
        assert [row[0] for row in rows] == list(range(1, count + 1))
        assert [row[1] for row in rows] == sorted(row[1] for row in rows)
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)
        backward = connection.execute(
            "select version from esdb.read_stream(%s, backward => true)", (stream,)
        ).fetchall()
        assert [version for (version,) in backward] == list(range(count, 0, -1))
        for version, time, _, id_ in rows:
            assert value(connection, "select version from esdb.get_event(%s)", (id_,)) == version
            as_of = "select max(version) from esdb.read_stream(%s, as_of => %s)"
            assert value(connection, as_of, (stream, time)) >= version
            one = "select version from esdb.read_stream(%s, from_version => %s, max_count => 1)"
            assert value(connection, one, (stream, version)) == version
    newest = value(connection, "select max(position) from esdb.events")
    until(lambda: mark(connection) >= newest, "the mark")
    assert len(read_all(connection, count=10_000)) == sum(streams.values())


def test_a_transaction_over_midnight(db: Connection, clock: Clock, midnight: datetime) -> None:
    old, new = leaf_name("bookmark", month_after(midnight, -1)), leaf_name("bookmark", midnight)
    writer = clock.connect(midnight - TICK)
    append(writer, "before")
    writer.execute("begin")
    append(writer, "s")
    append(writer, "before")
    set_clock(writer, midnight)
    append(writer, "s")
    append_many(writer, "s", 3)
    append(writer, "after")
    append_many(writer, "before", 2)
    set_clock(writer, midnight - TICK)  # and back, inside the transaction
    append(writer, "s")
    append(writer, "late")
    other = clock.connect(midnight + timedelta(seconds=1))
    append(other, "beside")
    assert value(db, "select count(*) from esdb.read_stream('s')") == 0
    writer.execute("commit")
    append(other, "s")
    assert [leaf for leaf, _ in found(db, "s")] == [old] + 6 * [new]
    assert [time for _, time in found(db, "s")] == [midnight - TICK] + 5 * [midnight] + [
        midnight + timedelta(seconds=1)
    ]
    assert [leaf for leaf, _ in found(db, "before")] == [old, old, new, new]
    assert [leaf for leaf, _ in found(db, "late")] == [old]
    months = db.execute("select aggregate_id, month, first_version::int from esdb.stream_months order by 1").fetchall()
    assert months == [("before", midnight, 3), ("s", midnight, 2)]
    assert_whole(db, {"s": 7, "before": 4, "after": 1, "late": 1, "beside": 1})


def test_a_transaction_over_midnight_that_rolls_back_leaves_no_month(
    db: Connection, clock: Clock, midnight: datetime
) -> None:
    writer = clock.connect(midnight - TICK)
    append(writer, "s")
    for end in ("rollback", "rollback to savepoint kept; commit"):
        set_clock(writer, midnight - TICK)
        writer.execute("begin")
        append(writer, "s")
        writer.execute("savepoint kept")
        set_clock(writer, midnight)
        append_many(writer, "s", 2)
        writer.execute(end)
        assert db.execute("select * from esdb.stream_months").fetchall() == []
    set_clock(writer, midnight)
    append(writer, "s")
    assert_whole(db, {"s": 3})


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_who_waits_for_the_stream_over_midnight_is_not_put_before_it(
    db: Connection, clock: Clock, midnight: datetime, batch: bool
) -> None:
    """Its clock was read before midnight; the event it waited for is of the new month."""
    new = leaf_name("bookmark", midnight)
    first, second = clock.connect(midnight - TICK), clock.connect(midnight - TICK)
    append(first, "s")
    first.execute("begin")
    set_clock(first, midnight + TICK)
    append(first, "s")

    def go_on() -> None:
        if batch:
            append_many(second, "s", 2)
        else:
            append(second, "s")

    crew = Crew()
    crew.start(go_on)
    until(lambda: waits_for_a_lock(db, second.info.backend_pid), "the second append waits")
    first.execute("commit")
    crew.join()
    assert [leaf for leaf, _ in found(db, "s")][1:] == (3 if batch else 2) * [new]
    assert {time for _, time in found(db, "s")[1:]} == {midnight + TICK}
    assert_whole(db, {"s": 4 if batch else 3})


def test_a_prepared_append_of_last_month_comes_late(db: Connection, clock: Clock, midnight: datetime) -> None:
    writer, other = clock.connect(midnight - TICK), clock.connect(midnight + timedelta(days=1))
    writer.execute("begin")
    append(writer, "s")
    writer.execute("prepare transaction 'over midnight'")
    append(other, "other")
    below = value(db, "select position from esdb.read_stream('other')")
    assert mark(db) < below
    db.execute("commit prepared 'over midnight'")
    append(other, "s")
    assert [leaf for leaf, _ in found(db, "s")] == [
        leaf_name("bookmark", month_after(midnight, -1)), leaf_name("bookmark", midnight),
    ]  # fmt: skip
    assert_whole(db, {"s": 2, "other": 1})


@pytest.mark.parametrize("zone", ZONES)
def test_the_month_is_that_of_utc_in_every_zone(db: Connection, clock: Clock, midnight: datetime, zone: str) -> None:
    writer = clock.connect(midnight - TICK)
    for connection in (writer, db):
        connection.execute("select set_config('timezone', %s, false)", (zone,))
    append(writer, "s")
    append_many(writer, "batch", 2)
    set_clock(writer, midnight)
    append(writer, "s")
    append_many(writer, "batch", 2)
    old, new = leaf_name("bookmark", month_after(midnight, -1)), leaf_name("bookmark", midnight)
    assert [leaf for leaf, _ in found(db, "s")] == [old, new]
    assert [leaf for leaf, _ in found(db, "batch")] == [old, old, new, new]
    assert db.execute("select month, first_version::int from esdb.stream_months order by 2").fetchall() == [
        (midnight, 2), (midnight, 3),
    ]  # fmt: skip
    assert value(db, "select max(version) from esdb.read_stream('s', as_of => %s)", (midnight - TICK,)) == 1
    assert_whole(db, {"s": 2, "batch": 4})


@pytest.mark.parametrize(
    ("year", "last_day"), [(2028, 29), (2027, 28), (2100, 28), (2400, 29)], ids=["2028", "2027", "2100", "2400"]
)
def test_the_last_day_of_february(empty_db: Connection, empty_db_url: str, year: int, last_day: int) -> None:
    clock = Clock(lambda **_: psycopg.connect(empty_db_url, autocommit=True))
    eve = utc(year, 2, last_day, 23, 59, 59.999999)
    made = run_esdb("migrate", url=empty_db_url, env=Clock.environment(utc(year, 1, 31, 23, 59, 59.999999)))
    assert made.returncode == 0, made.stderr
    assert (eve + TICK).month == 3
    with clock.connect(utc(year, 2, 1)) as writer:
        moments = [utc(year, 2, 1), utc(year, 2, 28, 23, 59, 59.999999), eve, eve + TICK, utc(year, 3, 31, 23, 59, 59)]
        for moment in moments:
            set_clock(writer, moment)
            append(writer, "s")
    february, march = f"events_bookmark_y{year}m02", f"events_bookmark_y{year}m03"
    assert [leaf for leaf, _ in found(empty_db, "s")] == 3 * [february] + 2 * [march]
    assert_whole(empty_db, {"s": 5})


def test_a_clock_that_steps_back_over_the_boundary_hides_nothing(
    db: Connection, clock: Clock, midnight: datetime
) -> None:
    """The streams that went on stay in the new month, new ones go into the old one; the feed has all by position."""
    old, new = leaf_name("bookmark", month_after(midnight, -1)), leaf_name("bookmark", midnight)
    writer = clock.connect(midnight + TICK)
    append(writer, "s")
    until(lambda: mark(db) >= 1, "the mark")
    cursor = len(read_all(db))
    set_clock(writer, midnight - timedelta(hours=1))
    append(writer, "s")
    append(writer, "new")
    append_many(writer, "s", 2)
    set_clock(writer, midnight + timedelta(hours=1))
    append(writer, "new")
    append(writer, "s")
    assert [leaf for leaf, _ in found(db, "s")] == 5 * [new]
    assert [leaf for leaf, _ in found(db, "new")] == [old, new]
    assert_whole(db, {"s": 5, "new": 2})
    # a consumer that had read on before the step sees what came into the older month too
    assert [(event.aggregate_id, event.version) for event in read_all(db, after=cursor)] == [
        ("s", 2), ("new", 1), ("s", 3), ("s", 4), ("new", 2), ("s", 5),
    ]  # fmt: skip


def test_a_clock_before_all_partitions_is_refused_and_nothing_is_left(
    db: Connection, clock: Clock, midnight: datetime
) -> None:
    writer = clock.connect(month_after(midnight, -9))
    with pytest.raises(psycopg.errors.CheckViolation):
        append(writer, "s")
    assert value(db, "select count(*) from esdb.streams") == 0
    set_clock(writer, midnight)
    append(writer, "s")
    set_clock(writer, month_after(midnight, -9))
    append(writer, "s")  # a stream's time goes on
    assert_whole(db, {"s": 2})
