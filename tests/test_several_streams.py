"""Many connections at append_to_streams() and delete_stream(): no deadlock, nothing half done."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.feed_support import PERFECT, Crew, append, call, judge, mark, random_of, read_all, stored, until, value
from tests.fixtures import Connect, Connection

SEED = 20261121
WRITERS = 8
ROUNDS = 60
RETRIERS = 12


def an_append(stream: str, **options: Any) -> dict[str, Any]:
    """Give an append of one event, of the bookmarks unless told otherwise."""
    events = [{"event_type": "Happened", "payload": {}}]
    return {"aggregate_id": stream, "bounded_context": "b", "group_context": "m", "events": events, **options}


def append_to(connection: Connection, appends: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return call(connection, "append_to_streams", appends=Jsonb(appends))


def versions(connection: Connection) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in stored(connection):
        found.setdefault(event.aggregate_id, []).append(event.version)
    return found


@pytest.mark.parametrize("known_by", ["nothing", "id", "idempotency_key"])
def test_calls_in_opposite_order_never_deadlock(db: Connection, connect: Connect, known_by: str) -> None:
    """New streams and old ones, forwards, backwards and shuffled, with all that looks for repetitions."""
    won: Counter[str] = Counter()
    guard = threading.Lock()

    def write(connection: Connection, writer: int) -> None:
        dice = random_of(SEED, known_by, writer)
        for turn in range(ROUNDS):
            # the old ones are contended all along, the new ones made by whoever comes first
            streams = [*(f"old-{n}" for n in range(4)), *(f"new-{turn}-{n}" for n in range(3))]
            order = {0: streams, 1: streams[::-1]}.get(writer % 3, dice.sample(streams, 5))
            appends = []
            for stream in order:
                one = an_append(stream)
                name = f"{writer}-{turn}-{stream}"
                if known_by == "id":
                    one["events"] = [{**one["events"][0], "id": name}]
                elif known_by == "idempotency_key":
                    one["idempotency_key"] = name
                appends.append(one)
            rows = append_to(connection, appends)
            assert [row[0] for row in rows] == order
            with guard:
                won.update(order)

    crew = Crew()
    for writer in range(WRITERS):
        crew.start(write, connect(), writer)
    crew.join()
    assert versions(db) == {stream: list(range(1, count + 1)) for stream, count in won.items()}
    until(lambda: mark(db) == max(event.position for event in stored(db)), "the mark at the end")
    assert judge(read_all(db, count=100_000), stored(db)) == PERFECT


def test_of_calls_with_the_same_expectations_one_wins(db: Connection, connect: Connect) -> None:
    gate = threading.Barrier(WRITERS)
    winners: Counter[int] = Counter()
    guard = threading.Lock()

    def fight(connection: Connection, writer: int) -> None:
        for expected in range(ROUNDS):
            appends = [an_append(name, expected_version=expected) for name in ("debit", "credit")]
            gate.wait()
            try:
                append_to(connection, appends if writer % 2 else appends[::-1])
            except psycopg.DatabaseError as error:
                assert error.sqlstate == "SE001"  # noqa: PT017 - losing is what most do
            else:
                with guard:
                    winners[expected] += 1

    crew = Crew()
    for writer in range(WRITERS):
        crew.start(fight, connect(), writer)
    crew.join()
    assert winners == dict.fromkeys(range(ROUNDS), 1)
    assert versions(db) == {name: list(range(1, ROUNDS + 1)) for name in ("debit", "credit")}


@pytest.mark.parametrize("known_by", ["id", "idempotency_key"])
def test_a_retry_racing_its_original_has_the_same_result(db: Connection, connect: Connect, known_by: str) -> None:
    connections = [connect() for _ in range(RETRIERS)]
    for attempt in range(5):
        appends = [an_append(f"{name}-{attempt}") for name in "zam"]
        for one in appends:
            name = f"same-{one['aggregate_id']}"
            if known_by == "id":
                one["events"] = [{**one["events"][0], "id": name}]
            else:
                one["idempotency_key"] = name
        gate = threading.Barrier(RETRIERS)
        results: list[list[tuple[Any, ...]]] = []

        def retry(connection: Connection, appends: Any = appends, gate: Any = gate, results: Any = results) -> None:
            gate.wait()
            results.append(append_to(connection, appends))

        crew = Crew()
        for connection in connections:
            crew.start(retry, connection)
        crew.join()
        assert len(results) == RETRIERS
        assert all(result == results[0] for result in results)
    assert set(map(tuple, versions(db).values())) == {(1,)}


def test_a_killed_call_leaves_nothing(db: Connection, connect: Connect) -> None:
    append(db, "z")
    victim = connect(autocommit=False)
    append_to(victim, [an_append("z", idempotency_key="k"), an_append("a")])
    db.execute("select pg_terminate_backend(%s)", (victim.info.backend_pid,))
    ended = "select not exists (select from pg_stat_activity where pid = %s)"
    until(lambda: value(db, ended, (victim.info.backend_pid,)), "the backend's end")
    assert versions(db) == {"z": [1]}
    rows = append_to(db, [an_append("z", idempotency_key="k"), an_append("a")])
    assert [(row[0], row[2]) for row in rows] == [("z", 2), ("a", 1)]


def test_of_deletions_and_restorations_at_once_one_wins(db: Connection, connect: Connect) -> None:
    append(db, "s")
    gate = threading.Barrier(WRITERS)
    outcomes: list[str | None] = []

    def fight(connection: Connection) -> None:
        for turn in range(ROUNDS):
            gate.wait()
            try:
                call(connection, "restore_stream" if turn % 2 else "delete_stream", aggregate_id="s")
            except psycopg.DatabaseError as error:
                outcomes.append(error.sqlstate)
            else:
                outcomes.append(None)

    crew = Crew()
    for _ in range(WRITERS):
        crew.start(fight, connect())
    crew.join()
    losses = ROUNDS // 2 * (WRITERS - 1)
    assert Counter(outcomes) == {None: ROUNDS, "SE002": losses, "SE009": losses}
    assert versions(db) == {"s": list(range(1, ROUNDS + 2))}


def has_appends(connection: Connection, stream: str) -> bool:
    return bool(value(connection, "select esdb.stream_version(%s) > %s", (stream, WRITERS)))


def test_nothing_is_appended_to_a_stream_behind_its_deletion(db: Connection, connect: Connect) -> None:
    """Whatever the moment at which the deletion comes between the writers."""
    refused = threading.Barrier(WRITERS + 1)

    def write(connection: Connection, stream: str) -> None:
        try:
            while True:
                append(connection, stream)
        except psycopg.DatabaseError as error:
            assert error.sqlstate == "SE002"  # noqa: PT017 - the loop ends no other way
        refused.wait()

    connections = [connect() for _ in range(WRITERS)]
    for turn in range(10):
        stream = f"s-{turn}"
        append(db, stream)
        crew = Crew()
        for connection in connections:
            crew.start(write, connection, stream)
        until(partial(has_appends, db, stream), "some appends")
        deleted = call(db, "delete_stream", aggregate_id=stream)[0][1]
        refused.wait()
        crew.join()
        found = [event for event in stored(db) if event.aggregate_id == stream]
        assert [event.version for event in found] == list(range(1, deleted + 1))
        assert found[-1].event_type == "StreamDeleted"
