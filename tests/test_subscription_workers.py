"""Workers of a subscription that are killed, paused past their leases and restarted, while writers append."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.exceptions import StaleToken
from tests.feed_support import (
    PERFECT,
    Crew,
    Seen,
    append,
    append_many,
    blocks_of,
    judge,
    random_of,
    until,
    value,
    waits_for_a_lock,
)  # fmt: skip
from tests.fixtures import Connect, Connection
from tests.subscription_worker import EFFECTS

SEED_VARIABLE = "ESDB_TEST_SEED"
EVENTS = int(os.environ.get("ESDB_TEST_EVENTS", "6000"))
WORKERS = 8
WRITERS = 16
STREAMS = 100
PATIENCE = 30 + EVENTS / 200
"""Seconds that the workers may take, while they are killed, on a machine that does other things, too."""


class Staff:
    """The workers' processes, and what befalls them."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._seed = seed
        self._dice = random_of(seed, "staff")
        self._hired = 0
        self.fates: dict[str, int] = {"killed": 0, "paused": 0}
        self.done = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Keep workers at work until the block ends; none is left behind."""
        workers = [self._hire() for _ in range(WORKERS)]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()

    def _hire(self) -> subprocess.Popen[bytes]:
        self._hired += 1
        command = [
            sys.executable,
            "-m",
            "tests.subscription_worker",
            self._url,
            "all",
            f"w{self._hired}",
            str(self._seed),
        ]
        return subprocess.Popen(command)

    def trouble(self, workers: list[subprocess.Popen[bytes]]) -> None:
        """Kill or pause one worker after the other until the work is done."""
        while not self.done.wait(self._dice.random() * 0.2):
            number = self._dice.randrange(len(workers))
            worker = workers[number]
            assert worker.poll() is None, "a worker ended by itself"
            if self._dice.random() < 0.5:
                worker.kill()
                worker.wait()
                workers[number] = self._hire()
                self.fates["killed"] += 1
            else:
                worker.send_signal(signal.SIGSTOP)
                time.sleep(0.4)  # past its lease
                worker.send_signal(signal.SIGCONT)
                self.fates["paused"] += 1


def write(url: str, seed: int, number: int) -> None:
    """Append this writer's share, one by one and in batches; some events fail once or twice."""
    dice = random_of(seed, "writer", number)
    left = EVENTS // WRITERS
    with psycopg.connect(url, autocommit=True) as connection:
        while left:
            count = min(left, dice.choice([1, 1, 5, 20]))
            stream = f"s{dice.randrange(STREAMS)}"
            payloads = [{"fails": dice.choice([1, 2])} if dice.random() < 0.01 else {} for _ in range(count)]
            events = Jsonb([{"event_type": "Happened", "payload": payload} for payload in payloads])
            connection.execute(
                "select from esdb.append_events(%s, %s, bounded_context => 'b', group_context => 'm')", (stream, events)
            )
            left -= count


def effects(connection: Connection) -> list[Seen]:
    rows = connection.execute("select position, aggregate_id, version, 'Happened' from effects order by number")
    return [Seen(*row) for row in rows]


def test_each_effect_comes_once_and_in_order(db: Connection, db_url: str) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**9))
    print(f"{SEED_VARIABLE}={seed}")
    db.execute(EFFECTS)
    db.execute("select esdb.create_subscription('all', partitions => %s, max_attempts => 1000)", (WORKERS,))
    staff, writers, trouble = Staff(db_url, seed), Crew(), Crew()
    with staff.at_work() as workers:
        trouble.start(staff.trouble, workers)
        try:
            for number in range(WRITERS):
                writers.start(write, db_url, seed, number)
            writers.join(PATIENCE)
            appended = value(db, "select count(*) from esdb.events")
            until(lambda: value(db, "select count(*) from effects") >= appended, "an effect of each event", PATIENCE)
            until(lambda: staff.fates["killed"] and staff.fates["paused"], "something to befall the workers")
        finally:
            staff.done.set()
            trouble.join()
    print(staff.fates)
    stored = [Seen(*row) for row in db.execute("select position, aggregate_id, version, event_type from esdb.events")]
    assert len(stored) == EVENTS // WRITERS * WRITERS
    assert judge(effects(db), stored) == PERFECT
    assert db.execute("select * from esdb.parked_events").fetchall() == []


def test_a_worker_that_wakes_late_finds_its_token_stale(db: Connection, connect: Connect) -> None:
    append(db, "s")
    db.execute("select esdb.create_subscription('all')")
    late, other = connect(), connect()
    token = value(late, "select token from esdb.claim_events('all', 'late', lease => '1 millisecond')")
    until(lambda: other.execute("select from esdb.claim_events('all', 'other')").fetchall(), "the lease's end")
    late.execute("begin")
    late.execute("create table effect ()")
    with pytest.raises(StaleToken):
        late.execute("select esdb.ack('all', %s, 1)", (token,))
    late.execute("rollback")
    assert value(db, "select to_regclass('effect')") is None


def test_a_transaction_that_is_repeated_because_its_answer_was_lost_is_refused(db: Connection) -> None:
    append_many(db, "s", 2)
    db.execute("create table effects (position bigint)")
    db.execute("select esdb.create_subscription('all')")
    token = value(db, "select max(token) from esdb.claim_events('all', 'w')")

    def handle() -> None:
        with db.transaction():
            db.execute("insert into effects values (1), (2)")
            db.execute("select esdb.ack('all', %s, 2)", (token,))

    handle()
    with pytest.raises(StaleToken):
        handle()
    assert value(db, "select count(*) from effects") == 2
    assert db.execute("select from esdb.claim_events('all', 'w')").fetchall() == []


def test_an_ack_that_is_not_committed_keeps_others_away(db: Connection, connect: Connect) -> None:
    append_many(db, "s", 2)
    db.execute("select esdb.create_subscription('all')")
    worker, other = connect(), connect()
    token = value(worker, "select max(token) from esdb.claim_events('all', 'a', 1, '2 seconds')")
    with worker.transaction(force_rollback=True):
        worker.execute("select esdb.ack('all', %s, 1)", (token,))
        until(lambda: value(db, "select lease_until < clock_timestamp() from esdb.subscription_lag"), "the lease's end")
        assert other.execute("select from esdb.claim_events('all', 'b')").fetchall() == []
    assert other.execute("select position, attempt from esdb.claim_events('all', 'b')").fetchall() == [(1, 2)]


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_an_ack_under_an_older_snapshot_is_never_taken_for_a_new_one(
    db: Connection, connect: Connect, level: psycopg.IsolationLevel
) -> None:
    append_many(db, "s", 2)
    db.execute("select esdb.create_subscription('all')")
    worker = connect()
    token = value(worker, "select max(token) from esdb.claim_events('all', 'a')")
    worker.execute(f"begin isolation level {level.name.replace('_', ' ')}")
    worker.execute("select")
    db.execute("select esdb.reset_subscription('all')")
    with pytest.raises(psycopg.errors.SerializationFailure):
        worker.execute("select esdb.ack('all', %s, 2)", (token,))
    worker.execute("rollback")
    assert value(db, "select position from esdb.subscription_lag") == 0


def test_two_claims_at_once_get_different_partitions(db: Connection, connect: Connect) -> None:
    for number in range(20):
        append(db, f"s{number}")
    db.execute("select esdb.create_subscription('all', partitions => 2)")
    first, second = connect(autocommit=False), connect()
    one = {row[0] for row in first.execute("select partition from esdb.claim_events('all', 'a')")}
    two = {row[0] for row in second.execute("select partition from esdb.claim_events('all', 'b')")}
    assert len(one) == len(two) == 1
    assert one != two
    assert second.execute("select from esdb.claim_events('all', 'c')").fetchall() == []
    first.rollback()
    assert {row[0] for row in second.execute("select partition from esdb.claim_events('all', 'c')")} == one


def test_a_subscription_made_by_many_at_once_is_one(db: Connection, connect: Connect) -> None:
    crew = Crew()
    for _ in range(8):
        crew.start(
            lambda connection: connection.execute("select esdb.create_subscription('all', partitions => 3)"), connect()
        )
    crew.join()
    assert value(db, "select count(*) from esdb.subscription_lag") == 3


def test_a_long_snapshot_does_not_make_claims_dear(db: Connection, connect: Connect) -> None:
    """What a claim reads is bounded: the checkpoint's dead versions lie to the left of the one looked for."""
    append_many(db, "s", 2)
    for name in ("all", "other"):  # beside a second row the planner would rather read the table
        db.execute("select esdb.create_subscription(%s)", (name,))
    old = connect(autocommit=False)
    old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    old.execute("select count(*) from esdb.subscription_checkpoints")
    token = value(db, "select max(token) from esdb.claim_events('all', 'w', lease => '1 hour')")
    for _ in range(3000):
        db.execute("select esdb.ack('all', %s, 0)", (token,))
    assert blocks_of(db, "select * from esdb._checkpoint('all', 0)") < 20
    db.execute("analyze esdb.subscription_checkpoints")
    assert value(db, "select pg_relation_size('esdb.subscription_checkpoints') / 8192") > 25
    for query in (
        "select esdb._lock_checkpoint('all', 0)",
        f"select esdb.ack('all', {token}, 0)",
        "select esdb._claimable('all', 2)",
    ):
        db.execute(query.encode())  # so that it is planned
        assert blocks_of(db, query) < 20
    old.rollback()


def test_a_worker_that_prolongs_its_lease_before_it_dies_has_made_an_attempt(db: Connection) -> None:
    """The position before the first event is no progress, also where a filter leaves events out before it."""
    append_many(db, "other", 3)
    append(db, "s", event_type="Deadly")
    db.execute("select esdb.create_subscription('all', event_types => '{Deadly}', max_attempts => 2)")

    def claim() -> list[tuple[int, int, int]]:
        return db.execute(
            "select token, position, attempt from esdb.claim_events('all', 'w', lease => '1 second')"
        ).fetchall()

    for expected in (1, 2):
        ((token, position, attempt),) = until(claim, "the lease's end")
        assert attempt == expected
        db.execute("select esdb.ack('all', %s, %s)", (token, position - 1))
    until(lambda: claim() or value(db, "select count(*) from esdb.parked_events"), "the lease's end")
    assert value(db, "select count(*) from esdb.parked_events") == 1


def test_a_projection_is_emptied_and_built_anew_beside_its_workers(db: Connection, connect: Connect) -> None:
    """The order that the documentation gives: truncate, then reset."""
    for number in range(20):
        append(db, f"s{number}")
    db.execute("create table effects (position bigint)")
    db.execute("select esdb.create_subscription('all', partitions => 2)")
    early, late, maintainer = connect(), connect(), connect()
    crew = Crew()

    def claim(worker: Connection) -> list[tuple[int, int]]:
        return worker.execute("select token, position from esdb.claim_events('all', 'w')").fetchall()

    def handle(worker: Connection, events: list[tuple[int, int]]) -> None:
        for _, position in events:
            worker.execute("insert into effects values (%s)", (position,))

    def acknowledge(worker: Connection, events: list[tuple[int, int]]) -> None:
        worker.execute("select esdb.ack('all', %s, %s)", events[-1])

    def begin_again() -> None:
        with maintainer.transaction():
            maintainer.execute("truncate effects")
            maintainer.execute("select esdb.reset_subscription('all')")

    first, second = claim(early), claim(late)
    with early.transaction():
        handle(early, first)
        crew.start(begin_again)
        until(lambda: waits_for_a_lock(db, maintainer.info.backend_pid), "it waits for the worker in its batch")
        acknowledge(early, first)
    crew.join()
    late.execute("begin")
    handle(late, second)
    with pytest.raises(StaleToken):
        acknowledge(late, second)
    late.execute("rollback")
    assert value(db, "select count(*) from effects") == 0
    while events := claim(early):
        with early.transaction():
            handle(early, events)
            acknowledge(early, events)
    assert db.execute("select array_agg(position order by position) from effects").fetchone() == (list(range(1, 21)),)


def test_many_parked_events_do_not_make_claims_dear(db: Connection) -> None:
    """Each event that waits is looked at once, not once for each other one; those that failed are not looked at."""
    for name, on_failure in (("stops", "stop"), ("goes on", "park")):
        db.execute("select esdb.create_subscription(%s, max_attempts => 1, on_failure => %s)", (name, on_failure))
    append_many(db, "s", 1000)
    token = value(db, "select max(token) from esdb.claim_events('stops', 'w')")
    db.execute("select esdb.nack('stops', %s, 1, 'bad')", (token,))
    assert db.execute("select from esdb.claim_events('stops', 'w')").fetchall() == []
    assert value(db, "select count(*) from esdb.parked_events where state = 'waiting'") == 999
    assert blocks_of(db, "select count(*) from esdb._deliverable('stops', 0)") < 10_000
    db.execute("select esdb.replay_parked('stops')")
    assert blocks_of(db, "select count(*) from esdb._deliverable('stops', 0)") < 10_000

    db.execute(
        "insert into esdb.subscription_parkings"
        " (subscription, position, partition, aggregate_id, version, event_type, state, attempts)"
        " select 'goes on', n, 0, 's', n, 'T', 'failed', 1 from generate_series(1, 10000) as n"
    )
    assert blocks_of(db, "select count(*) from esdb._deliverable('goes on', 0)") < 50


def test_many_events_are_set_aside_at_once_for_a_worker_that_wants_few(db: Connection) -> None:
    db.execute("select esdb.create_subscription('all', max_attempts => 1, on_failure => 'stop')")
    append_many(db, "s", 1000)
    append_many(db, "t", 3)
    token = value(db, "select token from esdb.claim_events('all', 'w', 1)")
    db.execute("select esdb.nack('all', %s, 1, 'bad')", (token,))
    db.execute("set track_functions = 'all'")
    db.execute("begin")
    token, position = db.execute("select token, position from esdb.claim_events('all', 'w', 1)").fetchall()[0]
    searches = value(
        db, "select calls from pg_stat_xact_user_functions where schemaname = 'esdb' and funcname = '_scan_partition'"
    )
    db.execute("commit")
    assert (position, value(db, "select count(*) from esdb.parked_events where state = 'waiting'")) == (1001, 999)
    assert searches < 20
    db.execute("select esdb.ack('all', %s, 1001)", (token,))
    assert db.execute("select position from esdb.claim_events('all', 'w')").fetchall() == [(1002,), (1003,)]


def test_many_events_that_wait_do_not_make_it_dear_to_set_others_aside(db: Connection) -> None:
    """By the statistics nearly every row is the one looked for, but those of other aggregates lie before it."""
    db.execute("select esdb.create_subscription('all', max_attempts => 1, on_failure => 'stop')")
    streams = ("s", "t", "u")
    for stream in streams:
        append_many(db, stream, 1000)
    for _ in streams:
        token, position = db.execute("select token, position from esdb.claim_events('all', 'w', 1)").fetchall()[0]
        db.execute("select esdb.nack('all', %s, %s, 'bad')", (token, position))
        db.execute("analyze esdb.subscription_parkings")
    blocks = blocks_of(db, "select count(*) from esdb.claim_events('all', 'w')")
    assert value(db, "select count(*) from esdb.parked_events where state = 'waiting'") == 2997
    assert blocks < 25_000
