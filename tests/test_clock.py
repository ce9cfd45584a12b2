"""A clock that steps back, months that end, and sessions with other clocks' habits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from esdb_cli.partitions import create_next
from tests.databases import Databases, run_esdb
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, set_clock, utc
from tests.feed_support import Appended, append, append_many, mark, read_all, until, value
from tests.fixtures import Connect, Connection

# Zones whose abbreviations mean something else (IST, CST) or nothing to the server, and odd offsets.
ZONES = ["Asia/Kathmandu", "America/St_Johns", "Asia/Kolkata", "Asia/Shanghai", "Pacific/Apia"]
DATE_STYLES = ["ISO, MDY", "SQL, DMY", "German", "Postgres, MDY"]


def versions(connection: Connection, stream: str, arguments: str = "") -> list[int]:
    rows = connection.execute(f"select version from esdb.read_stream(%s{arguments})", (stream,))
    return [version for (version,) in rows]


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_a_clock_that_steps_back_over_a_months_start(db: Connection, connect: Connect, batch: bool) -> None:
    clock = Clock(connect)
    start = month_after(first_leaf_month(db), 2)
    before, after = start.replace(day=1), month_after(start)
    writer = clock.connect(before)

    def write(stream: str) -> list[tuple[int, object]]:
        results = append_many(writer, stream, 2) if batch else [append(writer, stream)]
        return [(result.version, result.timestamp) for result in results]

    stamps = write("s") + write("s")
    set_clock(writer, after)
    stamps += write("s")
    assert stamps[-1][1] == after
    assert value(db, "select to_timestamp(pg_sequence_last_value('esdb.newest_month'))") == month_after(after)
    for step_back in (before, utc(2001, 1), before):
        set_clock(writer, step_back)
        stamps += write("s")
        write("other")
        assert stamps[-1][1] == after
    set_clock(writer, month_after(after))
    stamps += write("s")
    times = [str(time) for _, time in stamps]
    assert times == sorted(times)
    assert [version for version, _ in stamps] == list(range(1, len(stamps) + 1))
    assert versions(db, "s") == list(range(1, len(stamps) + 1))
    assert versions(db, "s", ", backward => true") == list(range(len(stamps), 0, -1))
    for version in range(1, len(stamps) + 1):
        assert versions(db, "s", f", from_version => {version}, max_count => 1") == [version]
    total = value(db, "select count(*) from esdb.events")
    until(lambda: mark(db) >= total, "the mark")
    assert len(read_all(db, count=10_000)) == total


def test_a_retry_is_recognised_after_the_clock_stepped_back(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    start = month_after(first_leaf_month(db), 2)
    writer = clock.connect(month_after(start).replace(day=2))
    first = append(writer, "s", id="known")
    keyed = append(writer, "s", idempotency_key="key")
    set_clock(writer, start)
    assert append(writer, "s", id="known") == first
    assert append(writer, "s", idempotency_key="key") == keyed
    assert versions(db, "s") == [1, 2]


@pytest.mark.parametrize("known_by", ["id", "idempotency_key"])
@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("existing", [False, True], ids=["new-stream", "existing-stream"])
def test_a_retry_across_a_months_end(
    db: Connection, connect: Connect, known_by: str, batch: bool, existing: bool
) -> None:
    clock = Clock(connect)
    midnight = month_after(first_leaf_month(db), 2)
    original, retrier = clock.connect(midnight - timedelta(seconds=1)), clock.connect(midnight + timedelta(days=1))
    if existing:
        append(original, "s")
    events = [{"event_type": "Happened", "payload": {}}, {"event_type": "Happened", "payload": {"n": 2}}]
    if known_by == "id":
        events = [{**event, "id": f"known-{number}"} for number, event in enumerate(events)]
    options = {"idempotency_key": "known"} if known_by == "idempotency_key" else {}

    def call(connection: Connection) -> list[Appended]:
        if batch:
            return append_many(connection, "s", 2, events=Jsonb(events), **options)
        return [append(connection, "s", **({"id": "known-0"} if known_by == "id" else {}), **options)]

    first = call(original)
    assert call(retrier) == first
    append(retrier, "s")  # the stream goes on in the new month
    assert call(retrier) == first
    set_clock(retrier, midnight + timedelta(days=6, hours=23))
    assert call(retrier) == first
    assert versions(db, "s") == list(range(1, existing + len(first) + 2))
    # past the retention a key is forgotten; so is an id, and its event is appended again, into the other month
    set_clock(retrier, midnight + timedelta(days=7, seconds=1))
    assert call(retrier)[0].version == existing + len(first) + 2


@pytest.fixture(scope="module")
def three_months(databases: Databases) -> Iterator[Connection]:
    """A store with a stream `s` of three months, two events in each."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        start = first_leaf_month(connection)
        writer = Clock(lambda **_: psycopg.connect(url, autocommit=True)).connect(start)
        with writer:
            for number in range(3):
                set_clock(writer, month_after(start, number))
                append_many(writer, "s", 2)
        yield connection
    databases.drop(url)


@pytest.mark.parametrize(
    "ranges",
    [
        ", to_version => 0", ", from_version => 3, to_version => 1", ", to_version => 0, backward => true",
        ", from_version => 5, to_version => 4, backward => true", ", from_version => 9, to_version => 8",
        ", from_version => 9223372036854775807", ", from_version => 9223372036854775807, backward => true",
    ],
)  # fmt: skip
def test_an_empty_range_of_a_stream_of_several_months_is_empty(three_months: Connection, ranges: str) -> None:
    assert versions(three_months, "s", ranges) == []


@pytest.mark.parametrize("zone", ZONES)
def test_a_retry_is_recognised_in_every_zone_and_style(db: Connection, zone: str) -> None:
    for style in DATE_STYLES:
        db.execute("select set_config('timezone', %s, false), set_config('datestyle', %s, false)", (zone, style))
        for known_by in ("idempotency_key", "id"):
            stream = f"{style} by {known_by}"
            statement = sql.SQL(
                "select (esdb.append_event({stream}, 'T', '{{}}', bounded_context => 'b', group_context => 'm',"
                " {known_by} => {stream})).position"
            ).format(stream=sql.Literal(stream), known_by=sql.Identifier(known_by))
            first = db.execute(statement).fetchall()
            assert db.execute(statement).fetchall() == first
            assert versions(db, stream) == [1]


@pytest.fixture(scope="module")
def bounds(databases: Databases) -> dict[str, tuple[str, str]]:
    """The bounds that create-next gives in UTC, by partition."""
    url = databases.migrated()
    result = run_esdb("partitions", "create-next", "--months", "15", url=url)
    assert result.returncode == 0, result.stderr
    with psycopg.connect(url) as connection:
        found = bounds_of(connection)
    databases.drop(url)
    return found


def bounds_of(connection: Connection) -> dict[str, tuple[str, str]]:
    connection.execute("set timezone = 'UTC'; set datestyle = 'ISO'")
    rows = connection.execute(
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_class c where c.relispartition"
    ).fetchall()
    kinds: dict[str, str] = dict(connection.execute("select partition, kind from esdb.partitions").fetchall())
    return {name: (bound, kinds.get(name, "")) for name, bound in rows}


@pytest.mark.parametrize(
    ("zone", "style"),
    [
        ("Asia/Kathmandu", "ISO, MDY"), ("America/St_Johns", "ISO, YMD"), ("Asia/Kathmandu", "German"),
        ("America/St_Johns", "Postgres, MDY"), ("Asia/Kolkata", "SQL, DMY"),
    ],
)  # fmt: skip
def test_create_next_gives_the_same_bounds_in_every_zone_and_style(
    db_url: str, db: Connection, bounds: dict[str, tuple[str, str]], zone: str, style: str
) -> None:
    environment = {"PGTZ": zone, "PGDATESTYLE": style}
    result = run_esdb("partitions", "create-next", "--months", "15", url=db_url, env=environment)
    assert result.returncode == 0, result.stderr
    assert bounds_of(db) == bounds


def test_the_partitions_are_the_same_in_every_zone_and_style(db: Connection) -> None:
    query = "select array_agg(row(partition, kind, extract(epoch from lower_bound))::text) from esdb.partitions"
    expected = value(db, query)
    for zone in ZONES:
        for style in DATE_STYLES:
            db.execute("select set_config('timezone', %s, false), set_config('datestyle', %s, false)", (zone, style))
            assert value(db, query) == expected, (zone, style)


def test_february_of_a_leap_year_and_the_turn_of_a_year(empty_db_url: str, empty_db: Connection) -> None:
    assert run_esdb("migrate", url=empty_db_url).returncode == 0
    clock = Clock(lambda **_: psycopg.connect(empty_db_url, autocommit=True))
    with clock.connect(utc(2028, 1, 31, 23, 59, 59)) as connection:
        create_next(connection, months=12)
    query = (
        "select partition, (lower_bound at time zone 'UTC')::text, (upper_bound at time zone 'UTC')::text"
        " from esdb.partitions where bounded_context = 'nt' order by lower_bound"
    )
    found = {name: (lower, upper) for name, lower, upper in empty_db.execute(query)}
    assert found["events_nt_y2028m02"] == ("2028-02-01 00:00:00", "2028-03-01 00:00:00")
    assert found["events_nt_y2028m12"] == ("2028-12-01 00:00:00", "2029-01-01 00:00:00")
    assert found["events_nt_y2027m12"] == ("2027-12-01 00:00:00", "2028-01-01 00:00:00")
    assert found["events_nt_overflow"] == ("2029-02-01 00:00:00", None)
    at_the_edge = [
        utc(2028, 2, 29, 23, 59, 59.999999),
        utc(2028, 3, 1),
        utc(2028, 12, 31, 23, 59, 59),
        utc(2029, 1, 1),
    ]
    with clock.connect(at_the_edge[0]) as connection:
        for moment in at_the_edge:
            set_clock(connection, moment)
            append(connection, "s", bounded_context="nt")
        leaves = connection.execute("select tableoid::regclass::text from esdb.events order by position").fetchall()
        assert [name for (name,) in leaves] == [
            "esdb.events_nt_y2028m02", "esdb.events_nt_y2028m03", "esdb.events_nt_y2028m12", "esdb.events_nt_y2029m01",
        ]  # fmt: skip
        assert versions(connection, "s") == [1, 2, 3, 4]


def test_a_stream_of_many_months_reads_whole(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    end = first_leaf_month(db)
    make_months(db, "bookmark", month_after(end, -24), 24)
    writer = clock.connect(end)
    for number in range(24):
        set_clock(writer, month_after(end, number - 24))
        append_many(writer, "s", 3)
    assert versions(db, "s") == list(range(1, 73))
    assert versions(db, "s", ", from_version => 10, to_version => 20") == list(range(10, 21))
    assert versions(db, "s", ", backward => true, max_count => 5") == [72, 71, 70, 69, 68]
