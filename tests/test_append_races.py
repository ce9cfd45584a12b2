"""Many connections at one stream: one winner a version, one result a retry."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.feed_support import (
    PERFECT,
    Appended,
    Crew,
    append,
    append_many,
    call,
    judge,
    mark,
    read_all,
    stored,
    until,
)
from tests.fixtures import Connect, Connection

FIGHTERS = 16
VERSIONS = 60
RETRIERS = 12
ROUNDS = 20


def versions_of(db: Connection, stream: str) -> list[int]:
    return [version for (version,) in db.execute("select version from esdb.read_stream(%s)", (stream,))]


def all_at_once(connections: list[Connection], work: Callable[[Connection], Appended]) -> list[Appended]:
    """Let every connection do the work at the same moment."""
    gate = threading.Barrier(len(connections))
    results: list[Appended] = []

    def run(connection: Connection) -> None:
        gate.wait()
        results.append(work(connection))

    crew = Crew()
    for connection in connections:
        crew.start(run, connection)
    crew.join()
    return results


def test_each_version_of_a_stream_has_one_winner(db: Connection, connect: Connect) -> None:
    gate = threading.Barrier(FIGHTERS)
    winners: Counter[int] = Counter()
    details: list[tuple[int, dict[str, Any]]] = []
    guard = threading.Lock()

    def fight(connection: Connection) -> None:
        for expected in range(VERSIONS):
            gate.wait()
            try:
                won = append(connection, "arena", expected_version=expected)
            except psycopg.DatabaseError as error:
                assert error.sqlstate == "SE001"  # noqa: PT017 - losing is what most do
                with guard:
                    details.append((expected, json.loads(error.diag.message_detail or "")))
            else:
                with guard:
                    winners[won.version] += 1
                assert won.version == expected + 1

    crew = Crew()
    for _ in range(FIGHTERS):
        crew.start(fight, connect())
    crew.join()
    assert winners == dict.fromkeys(range(1, VERSIONS + 1), 1)
    assert len(details) == VERSIONS * (FIGHTERS - 1)
    for expected, detail in details:
        assert detail == {"aggregate_id": "arena", "expected": expected, "actual": expected + 1}
    assert versions_of(db, "arena") == list(range(1, VERSIONS + 1))
    assert judge(read_all(db), stored(db)) == PERFECT


def test_any_and_exact_appends_leave_no_gap(db: Connection, connect: Connect) -> None:
    streams = [f"mixed-{number}" for number in range(3)]
    won: Counter[str] = Counter()
    guard = threading.Lock()

    def mix(connection: Connection, number: int) -> None:
        dice = random.Random(number)
        for _ in range(40):
            stream = dice.choice(streams)
            expected = None if number % 2 else call(connection, "stream_version", aggregate_id=stream)[0][0]
            try:
                if dice.random() < 0.2:
                    results = append_many(connection, stream, 3, expected_version=expected)
                else:
                    results = [append(connection, stream, expected_version=expected)]
            except psycopg.DatabaseError as error:
                assert error.sqlstate == "SE001"  # noqa: PT017 - only the exact ones may lose
                assert expected is not None
            else:
                assert [result.version for result in results] == list(
                    range(results[0].version, results[0].version + len(results))
                )
                with guard:
                    won[stream] += len(results)

    crew = Crew()
    for number in range(FIGHTERS):
        crew.start(mix, connect(), number)
    crew.join()
    for stream in streams:
        assert versions_of(db, stream) == list(range(1, won[stream] + 1))
    until(lambda: mark(db) == max(event.position for event in stored(db)), "the mark at the end")
    assert judge(read_all(db, count=10_000), stored(db)) == PERFECT


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
@pytest.mark.parametrize("existing", [False, True], ids=["new-stream", "existing-stream"])
@pytest.mark.parametrize("expected", [None, 0, 1])
def test_an_append_with_an_old_snapshot_that_loses_is_told_to_try_again(
    db: Connection, connect: Connect, level: psycopg.IsolationLevel, existing: bool, expected: int | None
) -> None:
    if existing:
        append(db, "s")
    late = connect(autocommit=False)
    late.isolation_level = level
    late.execute("select count(*) from esdb.streams")
    append(db, "s")
    # an expectation that the snapshot itself contradicts may be a conflict at once
    contradicted = expected is not None and expected != int(existing)
    with pytest.raises(psycopg.DatabaseError) as caught:
        append(late, "s", expected_version=expected)
    assert caught.value.sqlstate in ({"SE001", "40001"} if contradicted else {"40001"})
    late.rollback()
    assert versions_of(db, "s") == list(range(1, existing + 2))


@pytest.mark.parametrize("known_by", ["id", "idempotency_key"])
@pytest.mark.parametrize("existing", [False, True], ids=["new-stream", "existing-stream"])
@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_a_retry_racing_its_original_has_the_same_result(
    db: Connection, connect: Connect, known_by: str, existing: bool, batch: bool
) -> None:
    connections = [connect() for _ in range(RETRIERS)]
    for attempt in range(ROUNDS):
        stream = f"retried-{attempt}"
        if existing:
            append(db, stream)
        options = {known_by: f"same-{attempt}"} if known_by == "idempotency_key" else {}
        events = [{"event_type": "Happened", "payload": {}}, {"event_type": "Happened", "payload": {"n": 2}}]
        if known_by == "id":
            events = [{**event, "id": f"same-{attempt}-{number}"} for number, event in enumerate(events)]

        def retry(
            connection: Connection, stream: str = stream, options: Any = options, events: Any = events
        ) -> Appended:
            if not batch:
                single = {"id": events[0]["id"]} if known_by == "id" else {}
                return append(connection, stream, **single, **options)
            return append_many(connection, stream, 2, events=Jsonb(events), **options)[0]

        results = all_at_once(connections, retry)
        assert len(results) == RETRIERS
        assert len(set(results)) == 1
        assert versions_of(db, stream) == list(range(1, existing + (2 if batch else 1) + 1))


@pytest.mark.parametrize("expected", [0, 1, -1, None])
def test_a_retry_with_any_expectation_has_the_first_result(
    db: Connection, connect: Connect, expected: int | None
) -> None:
    if expected:
        append(db, "s")
    connections = [connect() for _ in range(RETRIERS)]
    results = all_at_once(connections, lambda c: append(c, "s", id="the-one", expected_version=expected))
    assert len(set(results)) == 1
    assert len(versions_of(db, "s")) == (2 if expected else 1)
