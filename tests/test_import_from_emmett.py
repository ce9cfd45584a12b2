"""`esdb import --from emmett`, from a store that its own package made and wrote."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.feed_support import value
from tests.fixtures import Connection
from tests.import_support import BATCH, assert_sound, stored
from tests.peer_stores import PLACE, Move, install_emmett, write_emmett_orders

KIND = "emmett"


@pytest.fixture
def source_url(empty_db_url: str) -> str:
    """The URL of an empty store of emmett's."""
    install_emmett(empty_db_url)
    return empty_db_url


def append(
    source: Connection, stream: str, *, count: int = 1, partition: str = "emt:default", kind: str = "E",
    schema_version: str = "1", data: object = None, stream_type: str = "order",
) -> None:  # fmt: skip
    """Append by emmett's function."""
    source.execute(
        "select emt_append_to_stream(array(select gen_random_uuid()::text from generate_series(1, %(count)s::int)),"
        " array_fill(%(data)s::jsonb, array[%(count)s::int]), array_fill('{}'::jsonb, array[%(count)s::int]),"
        " array_fill(%(schema_version)s::text, array[%(count)s::int]),"
        " array_fill('Happened'::text, array[%(count)s::int]), array_fill(%(kind)s::text, array[%(count)s::int]),"
        " %(stream)s, %(stream_type)s, null, %(partition)s)",
        {
            "count": count, "data": Jsonb(data or {}), "schema_version": schema_version, "kind": kind,
            "stream": stream, "stream_type": stream_type, "partition": partition,
        },
    )  # fmt: skip


def test_every_event_of_a_store_that_emmett_wrote(
    source: Connection, source_url: str, db: Connection, db_url: str, move: Move
) -> None:
    written = write_emmett_orders(source_url, 5, 4)
    assert len(written) == 30
    done = move.done()
    assert (done["events"], done["refused"]) == (30, 0)
    source.execute("set timezone = 'UTC'")
    times: dict[str, str] = dict(source.execute("select message_id, to_jsonb(created) from emt_messages").fetchall())
    db.execute("set timezone = 'UTC'")
    assert stored(db) == [
        {
            "id": event["id"], "aggregate_id": event["stream"], "aggregate_type": "order", "event_type": event["type"],
            "version": event["version"], "timestamp": times[event["id"]], "occurred_at": None,
            "payload": event["data"], "metadata": event["metadata"], "bounded_context": "b", "group_context": "m",
            "schema_version": 1, "recorded_by": "emmett",
            "feature_context": "u" if event["version"] > 1 else "c",
            "action_type": "update" if event["version"] > 1 else "create",
        }
        for event in written
    ]  # fmt: skip
    assert_sound(db_url)


def test_a_later_run_brings_what_is_new(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    append(source, "order-1", count=3)
    append(source, "order-2", count=2)
    assert move.done()["events"] == 5
    append(source, "order-1", count=2)
    append(source, "order-3")
    done = move.done()
    assert (done["events"], done["known"]) == (3, 5)
    assert [event["id"] for event in stored(db)] == _ids(source)
    assert_sound(db_url)


def _ids(source: Connection) -> list[Any]:
    return [row[0] for row in source.execute("select message_id from emt_messages order by global_position")]


def test_a_killed_move_is_run_again(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    append(source, "order-1", count=BATCH + 500)
    append(source, "slow-1")
    move.killed_after_a_batch(db)
    done = move.done()
    assert (done["events"], done["known"]) == (501, BATCH)
    assert [event["id"] for event in stored(db)] == _ids(source)
    assert_sound(db_url)


def test_partitions_and_archived_streams(source: Connection, db_url: str, move: Move) -> None:
    source.execute("select emt_add_partition('other')")
    append(source, "order-1", count=2)
    append(source, "order-2", count=2, partition="other")
    append(source, "order-3", count=2)
    for table in ("emt_messages", "emt_streams"):
        source.execute(f"update {table} set is_archived = true where stream_id = 'order-3'")
    move.map(f'archived = false\npartitions = ["other", "emt:default"]\n[default]\n{PLACE}')
    assert move.done()["events"] == 4
    move.map(f'partitions = ["other"]\n[default]\n{PLACE}')
    assert move.done()["lines"] == 2
    move.map(f"[default]\n{PLACE}")
    done = move.done()
    assert (done["events"], done["known"]) == (2, 4)
    assert_sound(db_url)

    append(source, "order-3")
    append(source, "order-1", partition="other")
    code, messages = move.refused()
    assert code == 1
    assert "would be streams of the same aggregate_id\ndetail: 2 of them; one is order-1\n" in messages


def test_commands_are_no_events(source: Connection, db: Connection, move: Move) -> None:
    append(source, "order-1", kind="C")
    append(source, "order-1")
    append(source, "order-2")
    code, messages = move.refused()
    assert code == 1
    assert "gaps in their versions\ndetail: 1 of them; one is order-1\n" in messages
    move.map(f'gaps = "renumber"\n[default]\n{PLACE}')
    assert move.done()["events"] == 2
    assert value(db, "select metadata from esdb.events where aggregate_id = 'order-1'") == {"source_version": 2}


def test_types_of_streams_are_categories(source: Connection, db: Connection, move: Move) -> None:
    append(source, "a", stream_type="order", schema_version="3", data=[1])
    append(source, "b", stream_type="account")
    source.execute("delete from emt_streams where stream_id = 'b'")
    move.map(f'[categories.order]\n{PLACE}\n[categories.b]\n{PLACE}aggregate_type = "account"')
    assert move.done()["events"] == 2
    rows = db.execute(
        "select aggregate_id, aggregate_type, schema_version, payload from esdb.events order by 1"
    ).fetchall()
    assert rows == [("a", "order", 3, {"data": [1]}), ("b", "account", 1, {})]


def test_what_has_no_place_in_the_order(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    for stream in ("order-1", "order-2", "order-3"):
        append(source, stream, count=2, schema_version="one" if stream == "order-2" else "1")
    source.execute("update emt_messages set global_position = null where stream_id = 'order-3' and stream_position = 2")
    code, messages = move.refused("--on-error", "skip")
    assert code == 1
    assert "have events without a global_position\ndetail: 1 of them; one is order-3\n" in messages
    # the same twice
    source.execute("update emt_messages set global_position = 5 where global_position is null")
    result = move.run("--on-error", "skip")
    assert result.returncode == 3
    assert "line 3: wrong type: schema_version is null, not number" in result.stderr
    assert "line 6: position 5 is not above 5, that of a line before" in result.stderr
    assert value(db, "select count(*) from esdb.events") == 3
    assert_sound(db_url)
