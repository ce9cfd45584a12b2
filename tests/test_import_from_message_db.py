"""`esdb import --from message-db`, from a store that its own package made and its own function wrote."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.databases import run_esdb
from tests.feed_support import value
from tests.fixtures import Connection, Esdb
from tests.import_support import BATCH, assert_sound, stored
from tests.peer_stores import PLACE, Move, install_message_db, write_message

MESSAGES = (
    "select id::text, stream_name, position, to_jsonb(time at time zone 'UTC'), type, data, metadata"
    " from message_store.messages order by global_position"
)
KIND = "message-db"


@pytest.fixture
def source_url(empty_db_url: str) -> str:
    """The URL of an empty message-db."""
    install_message_db(empty_db_url)
    return empty_db_url


def write_orders(source: Connection, count: int, streams: int = 3) -> None:
    for number in range(count):
        write_message(source, f"order-{number % streams}", "Happened", {"number": number})


def fill(source: Connection, count: int, streams: int) -> None:
    source.execute(
        "select count(message_store.write_message(gen_random_uuid()::text, 'order-' || n %% %s::int, 'Happened', '{}'))"
        " from generate_series(1, %s::int) as n, set_config('search_path', 'message_store, public', false)",
        (streams, count),
    )


def ids(source: Connection) -> list[str]:
    return [str(row[0]) for row in source.execute("select id from message_store.messages order by global_position")]


def test_every_message_is_an_event(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    metadata = {"correlationStreamName": "shop-1", "causationMessagePosition": 3}
    for number in range(20):
        text = 'quote " backslash \\ tab \t line \n \\. \\N é 漢字 🙂'
        write_message(source, f"order-{number % 3}", f"Type{number % 2}", {"number": number, "text": text}, metadata)
    write_message(source, "account:command-1-2+x", "Withdraw", {"exact": 1e22})
    write_message(source, "account", "Opened")
    write_message(source, "account", "Closed", Jsonb(None), Jsonb(None))
    write_message(source, "account", "Odd", [1, "a"], [2])
    done = move.done()
    assert (done["events"], done["known"], done["refused"]) == (24, 0, 0)

    source.execute("set timezone = 'UTC'")
    messages = source.execute(MESSAGES).fetchall()
    expected = [
        {
            "id": id_, "aggregate_id": stream, "aggregate_type": stream.partition("-")[0], "event_type": type_,
            "version": position + 1, "timestamp": time, "occurred_at": None,
            "payload": data if isinstance(data, dict) else ({"data": data} if data else {}),
            "metadata": metadata if isinstance(metadata, dict | None) else {"metadata": metadata},
            "bounded_context": "b", "group_context": "m", "schema_version": 1, "recorded_by": "message-db",
            "feature_context": "u" if position else "c", "action_type": "update" if position else "create",
        }
        for id_, stream, position, time, type_, data, metadata in messages
    ]  # fmt: skip
    db.execute("set timezone = 'UTC'")
    assert stored(db) == expected
    assert_sound(db_url)


def test_a_later_run_brings_what_is_new(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    write_orders(source, 10)
    assert move.done()["events"] == 10
    before = stored(db)
    write_orders(source, 7, streams=5)
    dry = move.done("--dry-run")
    assert (dry["events"], dry["known"], value(db, "select count(*) from esdb.events")) == (7, 10, 10)
    done = move.done()
    assert (done["events"], done["known"]) == (7, 10)
    assert stored(db)[:10] == before
    assert [event["id"] for event in stored(db)] == ids(source)
    assert move.done()["events"] == 0
    assert_sound(db_url)


def test_a_killed_move_is_run_again(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    fill(source, BATCH + 500, streams=500)
    write_message(source, "slow-1")
    move.killed_after_a_batch(db)
    assert value(db, "select count(*) from esdb.events") == BATCH
    done = move.done()
    assert (done["events"], done["known"]) == (501, BATCH)
    assert [event["id"] for event in stored(db)] == ids(source)
    assert_sound(db_url)


def test_what_is_written_meanwhile_waits_for_the_next_run(source: Connection, db: Connection, move: Move) -> None:
    fill(source, BATCH + 500, streams=50)
    with psycopg.connect(move.source_url) as writer:
        writer.execute(
            "insert into message_store.messages (position, stream_name, type) values (0, 'late-1', 'Happened')"
        )
        assert move.done()["events"] == BATCH + 500
    # committed after the snapshot, with a position below others
    write_orders(source, 1, streams=1)
    assert move.done()["events"] == 2
    assert value(db, "select count(*) from esdb.events") == BATCH + 502


def test_times_that_run_backwards_are_kept_as_occurred_at(source: Connection, db: Connection, move: Move) -> None:
    write_orders(source, 6, streams=2)
    source.execute("update message_store.messages set time = time - interval '1 day' where position = 1")
    move.done()
    rows = source.execute("select time, position from message_store.messages order by global_position").fetchall()
    events = db.execute(
        "select timestamp at time zone 'UTC', occurred_at at time zone 'UTC' from esdb.events order by position"
    ).fetchall()
    assert events[2:4] == [(rows[0][0], rows[2][0]), (rows[1][0], rows[3][0])]
    assert [occurred for _, occurred in events[:2] + events[4:]] == [None] * 4
    assert rows[0][0] - rows[2][0] > timedelta(hours=23)


def test_gaps_are_refused_or_closed(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    write_orders(source, 12)
    source.execute("delete from message_store.messages where stream_name = 'order-1' and position in (0, 2)")
    code, messages = move.refused()
    assert code == 1
    assert "esdb: streams of the source have gaps in their versions\ndetail: 1 of them; one is order-1\n" in messages
    assert value(db, "select count(*) from esdb.events") == 0

    move.map(f'gaps = "renumber"\nmetadata = {{ source_service = "shop1" }}\n[default]\n{PLACE}')
    assert move.done()["events"] == 10
    rows = db.execute("select version, metadata from esdb.events where aggregate_id = 'order-1' order by 1").fetchall()
    assert rows == [
        (1, {"source_service": "shop1", "source_version": 1}),
        (2, {"source_service": "shop1", "source_version": 3}),
    ]
    assert value(db, 'select count(*) from esdb.events where metadata = \'{"source_service": "shop1"}\'') == 8
    write_orders(source, 3)
    assert move.done()["events"] == 3
    assert_sound(db_url)


def test_what_the_mapping_says(source: Connection, db: Connection, move: Move) -> None:
    write_message(source, "order-1", "OrderPlaced", {}, {"source_service": "own", "a": 1})
    write_message(source, "order-1", "OrderShipped", {})
    write_message(source, "order-1", "OrderDropped", {})
    write_message(source, "order:command-1", "PlaceOrder", {})
    write_message(source, "orders-9", "Happened", {})
    write_message(source, "account:x-2", "Happened", {})
    move.map(f"""
        aggregate_id = "id"
        recorded_by = "shop"
        metadata = {{ source_service = "shop1", tags = ["a"] }}
        [default]
        {PLACE}
        [categories.order]
        bounded_context = "n"
        aggregate_type = "Order"
        [categories."order:*"]
        leave_out = true
        [categories."account*"]
        {PLACE}
        aggregate_type = "account"
        [categories.none]
        leave_out = true
        [types.OrderPlaced]
        event_type = "Placed"
        feature_context = "r"
        [types.OrderShipped]
        action_type = "ship"
        [types.OrderDropped]
        leave_out = true
        [types.OrderNever]
        leave_out = true
    """)
    result = move.run()
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[:2] == [
        "nothing in the source is meant by categories.none of the mapping",
        "nothing in the source is meant by types.OrderNever of the mapping",
    ]
    rows = db.execute(
        "select aggregate_id, bounded_context::text, aggregate_type, event_type, feature_context::text, action_type,"
        " metadata, recorded_by::text from esdb.events order by position"
    ).fetchall()
    given = {"source_service": "shop1", "tags": ["a"]}
    assert rows == [
        ("1", "n", "Order", "Placed", "r", "read", {**given, "source_service": "own", "a": 1}, "shop"),
        ("1", "n", "Order", "OrderShipped", "u", "ship", given, "shop"),
        ("9", "b", "orders", "Happened", "c", "create", given, "shop"),
        ("2", "b", "account", "Happened", "c", "create", given, "shop"),
    ]


def test_metadata_can_be_renamed(source: Connection, db: Connection, move: Move) -> None:
    write_message(source, "order-1", metadata={"correlationId": "c-1", "a": {"correlationId": 1}, "causationId": None})
    write_message(source, "order-1", metadata={"correlationId": "c-1", "correlation_id": "c-2"})
    write_message(source, "order-1", metadata={})
    write_message(source, "order-1")
    names = 'metadata_names = { correlationId = "correlation_id", causationId = "causation_id" }'
    move.map(f"{names}\n[default]\n{PLACE}")
    assert move.done()["events"] == 4
    assert [event["metadata"] for event in stored(db)] == [
        {"correlation_id": "c-1", "a": {"correlationId": 1}, "causation_id": None},
        {"correlationId": "c-1", "correlation_id": "c-2"},
        {},
        None,
    ]


def test_two_streams_do_not_become_one(source: Connection, db: Connection, move: Move) -> None:
    write_message(source, "order-1")
    write_message(source, "account-1")
    move.map(f'aggregate_id = "id"\n[default]\n{PLACE}')
    code, messages = move.refused("--on-error", "skip")
    assert code == 1
    assert "would be streams of the same aggregate_id\ndetail: 1 of them; one is 1\n" in messages
    assert value(db, "select count(*) from esdb.events") == 0


def test_bad_events_are_named_and_can_be_skipped(
    source: Connection, db: Connection, db_url: str, move: Move, tmp_path: Path
) -> None:
    write_orders(source, 3)
    write_message(source, "order-0", "x" * 300)
    write_orders(source, 3)
    code, messages = move.refused()
    assert code == 1
    assert messages.startswith("line 4: event_type has 300 characters, not 1 to 255\nesdb: bad line: 4\n")
    assert "hint: mend the source, or the mapping, and run the import again" in messages
    assert value(db, "select count(*) from esdb.events") == 0
    rejects = tmp_path / "rejects"
    result = move.run("--on-error", "skip", "--rejects", str(rejects))
    assert result.returncode == 3
    assert [line.split(":")[1] for line in rejects.read_text().splitlines()] == [' 4, "fault"', ' 5, "fault"']
    assert value(db, "select count(*) from esdb.events") == 5
    assert_sound(db_url)


def test_a_sealed_month_of_the_past(source: Connection, db: Connection, db_url: str, move: Move, esdb: Esdb) -> None:
    write_orders(source, 6)
    source.execute("update message_store.messages set time = '2024-02-29 12:00' where position = 0")
    source.execute("update message_store.messages set time = '2024-03-01 12:00' where position = 1")
    assert move.done()["unsealed"] == []
    assert esdb("partitions", "seal").returncode == 0
    write_message(source, "late-1")
    source.execute("update message_store.messages set time = '2024-02-29 13:00' where stream_name = 'late-1'")
    assert move.done()["unsealed"] == ["events_bookmark_y2024m02"]
    reason = value(db, "select details ->> 'reason' from esdb.audit_log where action = 'unseal'")
    assert reason == f"import of message-db {psycopg.conninfo.conninfo_to_dict(move.source_url)['dbname']}"
    assert_sound(db_url)


def test_a_store_in_the_same_database(db: Connection, db_url: str, tmp_path: Path) -> None:
    install_message_db(db_url)
    write_orders(db, 20)
    move = Move(db_url, tmp_path, "message-db", db_url)
    assert move.done()["events"] == 20
    assert move.done()["known"] == 20
    assert run_esdb("verify", "--events", url=db_url).returncode == 0


def test_a_store_that_has_nothing(move: Move) -> None:
    assert move.done()["lines"] == 0
