"""The workers of examples/ do what they claim, in each language: each effect once, whatever befalls them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from tests.databases import Databases
from tests.example_programs import EXAMPLES, LANGUAGES, Example, finish
from tests.feed_support import append, append_many, call, until, value
from tests.fixtures import Connect, Connection

SHOWS = [f"show-{number}" for number in range(8)]
SHORT = "1 second"
"""A lease that a test waits out."""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=LANGUAGES)
def start(request: pytest.FixtureRequest, tmp_path: Path, db: Connection, db_url: str) -> Iterator[Start]:
    """Give a function that starts a worker and waits until it is at work; none is left behind."""
    db.execute("create table sold (show text primary key, seats bigint not null, newest_guest text not null)")
    db.execute("update esdb.settings set value = '1 millisecond' where name = 'retry_delay'")
    example = Example(request.param, "worker", tmp_path / request.param, db_url)
    workers = []

    def start(**options: str) -> subprocess.Popen[str]:
        worker = example.start(**options)
        workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "sold-seats: at work\n"
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


def sell(db: Connection, show: str, *guests: str) -> None:
    for guest in guests:
        append(db, show, event_type="SeatReserved", payload=Jsonb({"name": guest}))


def stop(worker: subprocess.Popen[str]) -> str:
    """End a worker as a supervisor does; give its messages."""
    worker.send_signal(signal.SIGTERM)
    return finish(worker)[1]


def sold(db: Connection) -> dict[str, tuple[int, str]]:
    return {show: (seats, guest) for show, seats, guest in db.execute("select show, seats, newest_guest from sold")}


def waiting(db: Connection) -> list[int]:
    """Give the backends that wait for a row."""
    query = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return [pid for (pid,) in db.execute(query)]


def test_each_effect_comes_once_though_workers_are_killed(start: Start, db: Connection, connect: Connect) -> None:
    db.execute("insert into sold select show, 0, 'nobody' from unnest(%s::text[]) as s (show)", (SHOWS,))
    for number in range(5):
        for show in SHOWS:
            sell(db, show, f"guest {2 * number}", f"guest {2 * number + 1}")
        with connect().transaction() as held:
            held.connection.execute("select from sold where show = %s for update", (SHOWS[number],))
            workers = [start(LEASE=SHORT), start(LEASE=SHORT)]
            until(lambda: waiting(db), "a worker is in the middle of its work")
            for worker in workers:
                worker.kill()
                worker.wait()
    last = start(LEASE=SHORT)
    expected = dict.fromkeys(SHOWS, (10, "guest 9"))
    until(lambda: sold(db) == expected, "each effect once")
    stop(last)
    assert sold(db) == expected


def test_a_worker_whose_lease_has_ended_rolls_back(start: Start, db: Connection, connect: Connect) -> None:
    db.execute("insert into sold values ('evening', 0, 'nobody')")
    sell(db, "evening", "Ada")
    with connect().transaction() as held:
        held.connection.execute("select from sold for update")
        late = start(LEASE=SHORT)
        until(lambda: len(waiting(db)) == 1, "it is in the middle of its work")
        other = start(LEASE="1 hour")
        until(lambda: len(waiting(db)) == 2, "the lease has ended, and the other one has the event")
    until(lambda: sold(db) == {"evening": (1, "Ada")}, "the effect")
    assert stop(late).startswith("too late, rolled back: {")
    assert stop(other) == ""
    assert sold(db) == {"evening": (1, "Ada")}


def test_an_event_that_fails_is_parked_and_the_others_go_on(start: Start, db: Connection) -> None:
    sell(db, "evening", "Ada")
    append(db, "evening", event_type="SeatReserved")
    sell(db, "evening", "Grace")
    worker = start()
    until(lambda: sold(db) == {"evening": (2, "Grace")}, "the others")
    parked = db.execute(
        "select position, state, attempts, reason ~ 'name|newest_guest' from esdb.parked_events"
    ).fetchall()
    assert parked == [(2, "failed", 10, True)]
    assert stop(worker) == ""


def test_what_is_appended_while_workers_wait_is_handled(start: Start, db: Connection) -> None:
    workers = [start(), start()]
    sell(db, "evening", "Ada")
    until(lambda: sold(db) == {"evening": (1, "Ada")}, "the effect")
    append_many(db, "evening", 3)
    sell(db, "evening", "Grace")
    until(lambda: sold(db) == {"evening": (2, "Grace")}, "the effect")
    assert [stop(worker) for worker in workers] == ["", ""]


def test_a_worker_that_is_told_to_stop_ends_its_work_first(start: Start, db: Connection, connect: Connect) -> None:
    db.execute("insert into sold values ('evening', 0, 'nobody')")
    sell(db, "evening", "Ada")
    with connect().transaction() as held:
        held.connection.execute("select from sold for update")
        worker = start()
        until(lambda: waiting(db), "it is in the middle of its work")
        worker.send_signal(signal.SIGTERM)
    assert finish(worker) == ("", "")
    assert sold(db) == {"evening": (1, "Ada")}
    assert value(db, "select bool_and(lease_until is null) from esdb.subscription_lag") is True


def test_a_worker_whose_subscription_is_dropped_says_so(start: Start, db: Connection) -> None:
    worker = start()
    call(db, "drop_subscription", subscription="sold-seats")
    _, messages = finish(worker, exit_code=1)
    assert messages.startswith("SE020: subscription not found: sold-seats")
    assert "Traceback" not in messages
    assert "    at " not in messages


def test_a_worker_whose_connection_breaks_ends_for_its_supervisor(start: Start, db: Connection) -> None:
    worker = start()
    db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    _, messages = finish(worker, exit_code=1)
    assert "Traceback" not in messages
    assert "    at " not in messages


def test_a_worker_needs_no_more_than_the_role_of_consumers(start: Start, db: Connection, databases: Databases) -> None:
    role = f"worker_{db.info.dbname}"
    db.execute(f'create role "{role}" login in role esdb_consumer')
    try:
        db.execute(f'grant select, insert, update on sold to "{role}"')
        worker = start(url=databases.server.url(db.info.dbname, user=role))
        sell(db, "evening", "Ada")
        until(lambda: sold(db) == {"evening": (1, "Ada")}, "the effect")
        assert stop(worker) == ""
    finally:
        db.execute(f'drop owned by "{role}"')
        db.execute(f'drop role "{role}"')


@pytest.mark.parametrize("program", ["python/worker.py", "nodejs/worker.js"])
def test_a_worker_is_short(program: str) -> None:
    assert len((EXAMPLES / program).read_text().splitlines()) < 60
