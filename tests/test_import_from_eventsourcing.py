"""`esdb import --from eventsourcing`, from tables that an application of that library wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.feed_support import value
from tests.fixtures import Connection
from tests.import_support import BATCH, assert_sound, stored
from tests.peer_stores import PLACE, Move, write_eventsourcing_orders

TABLE = """create table {} (
    originator_id text not null, originator_version bigint not null, topic text, state bytea,
    notification_id bigserial, primary key (originator_id, originator_version))"""
KIND = "eventsourcing"


@pytest.fixture
def source_url(empty_db_url: str) -> str:
    """The URL of a database for an application's tables."""
    return empty_db_url


def record(
    source: Connection,
    originator: str,
    version: int,
    state: str | bytes | None = None,
    topic: str = "shop:Order.Happened",
) -> None:
    """Record an event as an application does, in a table for ids that are texts."""
    time = {"_type_": "datetime_iso", "_data_": "2026-03-01T10:00:00.5+00:00"}
    given = json.dumps({"timestamp": time, "n": version}) if state is None else state
    source.execute(
        "insert into stored_events (originator_id, originator_version, topic, state) values (%s, %s, %s, %s)",
        (originator, version, topic, given.encode() if isinstance(given, str) else given),
    )


def expected(event: dict[str, Any]) -> dict[str, Any]:
    """Give an event as it should be here, from what the library reads."""
    version = event["originator_version"]
    own = {"topic", "timestamp", "originator_id", "originator_version"}
    return {
        "id": f"{event['originator_id']}-{version}", "aggregate_id": event["originator_id"], "aggregate_type": "Order",
        "event_type": event["topic"].rpartition(".")[2], "version": version,
        "payload": {key: value for key, value in event.items() if key not in own}, "metadata": None,
        "bounded_context": "b", "group_context": "m", "schema_version": 1, "recorded_by": "eventsourcing",
        "feature_context": "u" if version > 1 else "c", "action_type": "update" if version > 1 else "create",
        "timestamp": event["timestamp"], "occurred_at": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "shop"])
def test_every_event_of_an_application(
    source_url: str, source: Connection, db: Connection, db_url: str, move: Move, name: str
) -> None:
    written = write_eventsourcing_orders(source_url, 3, 7, name)
    assert len(written) == 24
    assert value(source, f"select count(*) from {name or 'stored'}_snapshots") > 0
    done = move.done()
    assert (done["events"], done["refused"]) == (24, 0)
    for event in written:
        event["originator_id"] = _dashed(event["originator_id"])
    wanted = [expected(event) for event in written]
    times = [event.pop("timestamp") for event in wanted]
    db.execute("set timezone = 'UTC'")
    found = stored(db)
    assert [value(db, "select (%s::timestamptz = %s::timestamptz)", (event.pop("timestamp"), time))
            for event, time in zip(found, times, strict=True)] == [True] * 24  # fmt: skip
    assert found == wanted
    assert_sound(db_url)


def _dashed(hexadecimal: str) -> str:
    return "-".join((hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:]))


def test_a_later_run_brings_what_is_new(source_url: str, db_url: str, move: Move) -> None:
    write_eventsourcing_orders(source_url, 3, 2)
    assert move.done()["events"] == 9
    written = write_eventsourcing_orders(source_url, 2, 3)
    done = move.done()
    assert (done["events"], done["known"]) == (8, 9)
    assert len(written) == 8
    assert_sound(db_url)


def test_a_killed_move_is_run_again(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    source.execute(TABLE.format("stored_events"))
    source.execute(
        "insert into stored_events (originator_id, originator_version, topic, state)"
        " select 'o-' || n %% 100, n / 100 + 1, 'shop:Order.Happened', convert_to(%s, 'UTF8')"
        " from generate_series(0, %s) as n",
        ('{"timestamp": "2026-01-01"}', BATCH + 499),
    )
    record(source, "slow-1", 1)
    move.killed_after_a_batch(db)
    done = move.done()
    assert (done["events"], done["known"]) == (501, BATCH)
    ids = source.execute(
        "select originator_id || '-' || originator_version from stored_events order by notification_id"
    )
    assert [event["id"] for event in stored(db)] == [row[0] for row in ids]
    assert_sound(db_url)


def test_encodings_can_be_kept(source_url: str, source: Connection, db: Connection, move: Move) -> None:
    write_eventsourcing_orders(source_url, 1, 1)
    move.map(f'encodings = "keep"\n[default]\n{PLACE}')
    assert move.done()["events"] == 2
    states = source.execute(
        "select convert_from(state, 'UTF8')::jsonb - 'timestamp' from stored_events order by notification_id"
    ).fetchall()
    assert [event["payload"] for event in stored(db)] == [state for (state,) in states]
    assert states[0][0]["total"] == {"_type_": "decimal_str", "_data_": "10.50"}


@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_compressed_or_no_json_is_refused(
    source_url: str, source: Connection, db: Connection, db_url: str, move: Move, compressed: bool
) -> None:
    if compressed:
        write_eventsourcing_orders(source_url, 2, 1, COMPRESSOR_TOPIC="zlib")
        streams = 2
    else:
        source.execute(TABLE.format("stored_events"))
        record(source, "o-1", 1, b"[1]")
        record(source, "o-2", 1)
        streams = 1
    code, messages = move.refused()
    assert code == 1
    assert f"have events whose state is no JSON object\ndetail: {streams} of them; one is " in messages
    result = move.run("--on-error", "skip")
    assert result.returncode == 3
    assert value(db, "select count(*) from esdb.events") == (0 if compressed else 1)
    assert_sound(db_url)


def test_old_versions_times_and_ids(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    source.execute(TABLE.format("stored_events"))
    long = "o" * 80
    for version in range(3):
        record(source, "from-0", version)
    record(source, long, 1)
    record(source, "o-1", 1, '{"a":1,"class_version":4}', "shop.orders.placed:Placed")
    record(source, "o-1", 2, '{"timestamp":"2020-02-01T00:00:00+01:00"}')
    record(source, "o-1", 3, '{"timestamp":"2019-02-01T00:00:00+00:00"}')
    record(source, "o-2", 1)
    source.execute("update stored_events set topic = null where originator_id = 'o-2'")
    code, messages = move.refused()
    assert code == 1
    assert "begin with events that have no time\ndetail: 1 of them; one is o-1\n" in messages
    move.map(f"default_time = 2018-01-01T00:00:00Z\n[default]\n{PLACE}")
    code, messages = move.refused()
    assert messages.startswith("line 8: aggregate_type has 0 characters, not 1 to 255, event_type has 0 characters,")
    source.execute("delete from stored_events where originator_id = 'o-2'")
    assert move.done()["events"] == 7
    db.execute("set timezone = 'UTC'")
    rows = db.execute(
        "select aggregate_id, version::int, aggregate_type, event_type, schema_version, timestamp::text,"
        " occurred_at::text, payload from esdb.events order by position"
    ).fetchall()
    time = "2026-03-01 10:00:00.5+00"
    assert rows == [
        *(("from-0", version + 1, "Order", "Happened", 1, time, None, {"n": version}) for version in range(3)),
        (long, 1, "Order", "Happened", 1, time, None, {"n": 1}),
        ("o-1", 1, "placed", "Placed", 4, "2018-01-01 00:00:00+00", None, {"a": 1}),
        ("o-1", 2, "placed", "Happened", 1, "2020-01-31 23:00:00+00", None, {}),
        ("o-1", 3, "placed", "Happened", 1, "2020-01-31 23:00:00+00", "2019-02-01 00:00:00+00", {}),
    ]
    assert value(db, "select id ~ '^[0-9a-f]{64}$' from esdb.events where aggregate_id = %s", (long,))
    assert move.done()["known"] == 7
    assert_sound(db_url)


def test_several_applications(source_url: str, db: Connection, db_url: str, move: Move) -> None:
    write_eventsourcing_orders(source_url, 2, 1, "shop")
    write_eventsourcing_orders(source_url, 1, 1, "stock")
    code, messages = move.refused()
    assert code == 2
    assert "detail: shop_events, stock_events\n" in messages
    move.map(f'tables = ["stock_events", "shop_events"]\n[default]\n{PLACE}')
    assert move.done()["events"] == 6
    assert len({event["aggregate_id"] for event in stored(db)[:2]}) == 1
    assert_sound(db_url)
