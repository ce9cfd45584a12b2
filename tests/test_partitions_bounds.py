"""The bound on a used overflow: it never stays to refuse appends, however the run ends that put it there."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from datetime import datetime
from typing import Any

import psycopg
import pytest

from esdb_cli import ddl, partitions
from esdb_cli.errors import CliError
from esdb_cli.partitions import create_next, plan
from tests.databases import environment, esdb_program
from tests.feed_clock import Clock, month_after
from tests.feed_support import Crew, append, append_many, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb

BOUNDS = "select bound_constraint, is_proven from esdb._unfinished_bounds()"
OVERFLOW = "events_bookmark_overflow"

# Does something at the start of each DDL command of a query that matches.
HOOK = """
create schema hook;
create table hook.seen (tag text, lock_timeout text, query text);
create function hook.fire() returns event_trigger language plpgsql set search_path = pg_catalog as $$
begin
    insert into hook.seen values (tg_tag, current_setting('lock_timeout'), current_query());
    if current_query() ~ '{matching}' then
        {action};
    end if;
end $$;
create event trigger hook on ddl_command_start execute function hook.fire();
"""
SLEEPS = "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


@pytest.fixture
def clock(connect: Connect) -> Clock:
    return Clock(connect)


@pytest.fixture
def late(db: Connection, clock: Clock) -> datetime:
    """A time at which the overflow of the context b holds events."""
    start = value(db, "select lower_bound from esdb.partitions where partition = %s", (OVERFLOW,))
    assert isinstance(start, datetime)
    time = month_after(start, 1)
    append_many(clock.connect(time), "s", 3)
    return time


def hook(db: Connection, matching: str, action: str) -> None:
    db.execute(HOOK.format(matching=matching, action=action))


def start_create_next(db_url: str, late: datetime) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [esdb_program(), "partitions", "create-next"], env=environment(db_url, Clock.environment(late)),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def versions(connection: Connection) -> list[int]:
    return [version for (version,) in connection.execute("select version from esdb.read_stream('s')")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_takes_the_bound_away(
    db: Connection, db_url: str, clock: Clock, late: datetime, number: signal.Signals
) -> None:
    hook(db, "validate constraint", "perform pg_sleep(600)")
    run = start_create_next(db_url, late)
    until(lambda: bool(db.execute(SLEEPS).fetchall()), "the validation")
    assert db.execute(BOUNDS).fetchall() == [("spans_until_" + f"{month_after(late, 4):%Y_%m}", False)]
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "a bound is left" not in errors
    assert db.execute(BOUNDS).fetchall() == []
    append(clock.connect(month_after(late, 40)), "s")
    assert versions(db) == [1, 2, 3, 4]


@pytest.mark.parametrize("phase", ["validate constraint", "detach partition", "attach partition"])
@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_a_run_that_fails_leaves_no_bound_that_is_not_safe(
    db: Connection, clock: Clock, late: datetime, phase: str, ending: str
) -> None:
    hook(db, phase, "perform pg_sleep(600)" if ending == "cancelled" else "raise exception 'disk full'")
    maintenance = clock.connect(late)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            create_next(maintenance)
        except psycopg.Error as error:
            raised.append(error)

    crew = Crew()
    crew.start(run)
    if ending == "cancelled":
        until(lambda: bool(db.execute(SLEEPS).fetchall()), "the phase")
        db.execute("select pg_cancel_backend(%s)", (maintenance.info.backend_pid,))
    crew.join()
    assert [type(error) for error in raised] == [
        psycopg.errors.QueryCanceled if ending == "cancelled" else psycopg.errors.RaiseException
    ]
    # one that is proven can stay: the next run goes on with it, months before its end
    assert [proven for _, proven in db.execute(BOUNDS)] == ([] if phase == "validate constraint" else [True])
    assert (db.info.transaction_status, maintenance.info.transaction_status) == (0, 0)
    append(clock.connect(month_after(late, 3)), "s")
    db.execute("drop event trigger hook")
    create_next(clock.connect(month_after(late, 3)))
    assert db.execute(BOUNDS).fetchall() == []
    assert versions(db) == [1, 2, 3, 4]


def test_a_proven_bound_goes_too_when_its_end_is_near(db: Connection, clock: Clock, late: datetime) -> None:
    hook(db, "detach partition", "raise exception 'no'")
    with pytest.raises(psycopg.errors.RaiseException):
        create_next(clock.connect(late))
    assert [proven for _, proven in db.execute(BOUNDS)] == [True]
    with pytest.raises(psycopg.errors.RaiseException):
        create_next(clock.connect(month_after(late, 3).replace(day=15)))
    assert db.execute(BOUNDS).fetchall() == []
    append(clock.connect(month_after(late, 9)), "s")


def test_a_proven_bound_is_made_a_span_of_however_near_its_end(db: Connection, clock: Clock, late: datetime) -> None:
    hook(db, "detach partition", "raise exception 'no'")
    with pytest.raises(psycopg.errors.RaiseException):
        create_next(clock.connect(late))
    db.execute("drop event trigger hook")
    past = month_after(late, 5)
    with pytest.raises(psycopg.errors.CheckViolation):
        append(clock.connect(past), "s")
    done = create_next(clock.connect(past))
    assert [step["action"] for step in done if step["context_name"] == "bookmark"][:2] == [
        "detach_overflow", "attach_span",
    ]  # fmt: skip
    append(clock.connect(past), "s")
    assert versions(db) == [1, 2, 3, 4]


def test_a_killed_runs_bound_is_told_and_gives_way_to_a_new_one(
    db: Connection, db_url: str, clock: Clock, late: datetime, esdb: Esdb
) -> None:
    hook(db, "validate constraint", "perform pg_sleep(600)")
    run = start_create_next(db_url, late)
    until(lambda: bool(db.execute(SLEEPS).fetchall()), "the validation")
    run.kill()
    run.communicate(timeout=60)
    db.execute(f"select pg_terminate_backend(pid) from ({SLEEPS}) as s")
    until(lambda: not db.execute(SLEEPS).fetchall(), "its end")
    db.execute("drop event trigger hook")
    end = month_after(late, 4)

    told = f"appends fail from {end:%Y-%m-%d} on"
    status = esdb("partitions", "status", "--check", env=Clock.environment(late))
    assert status.returncode == 3
    assert f"bookmark: the overflow has an unfinished bound, {told}; run esdb partitions create-next\n" in status.stdout
    assert (
        f"partition esdb.{OVERFLOW}: an unfinished bound, {told}" in esdb("verify", env=Clock.environment(late)).stdout
    )

    append(clock.connect(month_after(late, 3)), "s")
    with pytest.raises(psycopg.errors.CheckViolation):
        append(clock.connect(end), "s")
    event = ["append", "s", "Happened", "{}"]
    refused = esdb(*event, env=Clock.environment(end))
    assert refused.returncode == 1
    assert "hint: run `esdb partitions create-next`" in refused.stderr

    far = late.replace(day=20)
    assert [step["action"] for step in plan(clock.connect(far)) if step["context_name"] == "bookmark"][:1] == [
        "validate_overflow"
    ]
    near = month_after(late, 3).replace(day=2)
    planned = [step for step in plan(clock.connect(near)) if step["context_name"] == "bookmark"]
    assert [(step["action"], step["phase"]) for step in planned][:3] == [
        ("unbound_overflow", 1), ("bound_overflow", 1), ("validate_overflow", 2),
    ]  # fmt: skip
    assert planned[1]["upper_bound"] == month_after(near.replace(day=1), 4)
    done = create_next(clock.connect(near))
    assert [step["action"] for step in done if step["context_name"] == "bookmark"][:4] == [
        "unbound_overflow", "bound_overflow", "validate_overflow", "detach_overflow",
    ]  # fmt: skip
    assert esdb(*event, env=Clock.environment(end)).returncode == 0
    assert versions(db) == [1, 2, 3, 4, 5]


def test_a_connection_that_breaks_says_what_is_left(
    db: Connection, clock: Clock, late: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    hook(db, "validate constraint", "perform pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(psycopg.OperationalError):
        create_next(clock.connect(late))
    assert len(db.execute(BOUNDS).fetchall()) == 1
    assert f"a bound is left on {OVERFLOW}" in capsys.readouterr().err


@pytest.mark.parametrize(("ahead", "months"), [(0, 2), (1, 2), (3, 4), (12, 13)])
def test_the_bound_lies_as_far_ahead_as_appends_shall_go_on(
    db: Connection, clock: Clock, late: datetime, ahead: int, months: int
) -> None:
    db.execute("update esdb.settings set value = %s where name = 'partitions_ahead'", (str(ahead),))
    (step, *_) = [step for step in plan(clock.connect(late.replace(day=28))) if step["context_name"] == "bookmark"]
    assert (step["action"], step["upper_bound"]) == ("bound_overflow", month_after(late, months))
    for statement in partitions.render_steps([step]):
        db.execute(statement)
    assert value(clock.connect(late.replace(day=28)), "select is_near from esdb._unfinished_bounds()") is False


def test_no_time_limit_keeps_the_proof_from_ending(db: Connection, late: datetime, esdb: Esdb) -> None:
    hook(db, "validate constraint", "perform pg_sleep(3)")
    database = db.info.dbname
    limits = ["statement_timeout", *(["transaction_timeout"] if db.info.server_version >= 170000 else [])]
    for limit in limits:
        db.execute(f"alter database {database} set {limit} = '2s'")
    arguments = ("maintain", "--only", "create-next", "--statement-timeout", "2", "--json")
    result = esdb(*arguments, env=Clock.environment(late))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["result"] == "ok"
    assert value(db, "select count(*) from esdb.partitions where kind = 'span'") == 1


def test_every_ddl_transaction_asks_for_locks_briefly(db: Connection, clock: Clock, late: datetime) -> None:
    hook(db, "never", "null")
    assert ddl.LOCK_TIMEOUT == "500ms"
    actions = {step["action"] for step in create_next(clock.connect(late))}
    assert actions == {
        "bound_overflow", "validate_overflow", "detach_overflow", "attach_span", "create_month", "create_overflow",
        "attach_overflow",
    }  # fmt: skip
    seen = db.execute("select lock_timeout, count(*) from hook.seen group by lock_timeout").fetchall()
    assert len(seen) == 1
    assert seen[0][0] == "500ms"
    assert seen[0][1] > 100
    db.execute("truncate hook.seen")
    db.execute("update esdb.settings set value = '1' where name = 'partitions_ahead'")
    append(clock.connect(month_after(late, 9)), "s")
    db.execute(
        "create or replace function hook.fire() returns event_trigger language plpgsql as $$ begin"
        " if current_query() ~ 'validate constraint' then raise exception 'no'; end if;"
        " insert into hook.seen values (tg_tag, current_setting('lock_timeout'), current_query()); end $$"
    )
    with pytest.raises(psycopg.errors.RaiseException):
        create_next(clock.connect(month_after(late, 9)))
    seen = db.execute(
        "select lock_timeout, query ~ 'drop constraint' from hook.seen where query ~ 'spans_until'"
    ).fetchall()
    assert seen == [("500ms", False), ("500ms", True)]  # put there and taken away


class FakeTime:
    """Time that passes only in sleep()."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_retries_are_capped_and_jittered(db: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime()
    monkeypatch.setattr(ddl, "time", time)
    monkeypatch.setattr(ddl, "LOCK_TIMEOUT", "5ms")
    holder = connect(autocommit=False)
    append(holder, "s")
    with pytest.raises(CliError) as raised:
        create_next(db, months=5, wait=60)
    assert raised.value.exit_code == 4
    assert 55 < time.now < 60
    upper = [min(0.05 * 2**number, ddl.LONGEST_PAUSE_SECONDS) for number in range(len(time.pauses))]
    shares = [pause / most for pause, most in zip(time.pauses, upper, strict=True)]
    assert all(0.5 <= share <= 1 for share in shares)
    assert len({round(share, 6) for share in shares}) > len(shares) / 2
    holder.rollback()
    assert create_next(db, months=5)


def test_appends_go_on_while_one_holds_the_maintenance_up(db: Connection, connect: Connect) -> None:
    holder = connect(autocommit=False)
    append(holder, "holder")
    ended = threading.Event()
    crew = Crew()

    def run() -> None:
        with pytest.raises(CliError):
            create_next(connect(), months=5, wait=6)
        ended.set()

    crew.start(run)
    behind = 0
    while not ended.is_set():  # each gets through, though the holder never ends
        until(lambda: ended.is_set() or bool(db.execute(WAITING).fetchall()), "DDL that waits")
        append(db, "s")
        behind += 1
    crew.join()
    assert behind > 2
    assert versions(db) == list(range(1, behind + 1))


WAITING = (
    "select from pg_locks where not granted and mode = 'AccessExclusiveLock'"
    " and relation = 'esdb.events_bookmark'::regclass"
)


def test_who_holds_the_overflow_alone_makes_no_append_wait(
    db: Connection, connect: Connect, clock: Clock, late: datetime
) -> None:
    """As `esdb verify` does, leaf by leaf: the DDL does not wait for it with the context's table locked."""
    holder = connect(autocommit=False)
    maintenance = clock.connect(late)
    create_next_until(maintenance, "detach_overflow")
    holder.execute(f"lock table only esdb.{OVERFLOW} in access share mode")
    maintenance.execute("begin")
    maintenance.execute("set local lock_timeout = 0")  # it would wait for ever if it waited
    (statement,) = partitions.render_steps([step for step in plan(maintenance) if step["phase"] == 3][:1])
    with pytest.raises(psycopg.errors.LockNotAvailable):
        maintenance.execute(statement)
    maintenance.execute("rollback")
    with pytest.raises(CliError):
        create_next(maintenance, wait=0.2)
    holder.rollback()
    create_next(maintenance)
    assert value(db, "select count(*) from esdb.partitions where kind = 'span'") == 1


def create_next_until(connection: Connection, action: str) -> None:
    """Carry out the context b's plan up to a step."""
    while True:
        steps = partitions.first_phase([step for step in plan(connection) if step["context_name"] == "bookmark"])
        if any(step["action"] == action for step in steps):
            return
        for statement in partitions.render_steps(steps):
            connection.execute(statement)


def test_a_vacuum_is_waited_for_beside_the_appends(
    db: Connection, connect: Connect, clock: Clock, late: datetime
) -> None:
    """With the lock that VACUUM has: the maintenance waits for its end before it asks for one that appends wait for."""
    vacuum = connect(autocommit=False)
    vacuum.execute(f"lock table only esdb.{OVERFLOW} in share update exclusive mode")
    maintenance, writer = clock.connect(late), clock.connect(late)
    writer.execute("set lock_timeout = '1ms'")  # it does not wait at all
    done: list[list[dict[str, Any]]] = []
    crew = Crew()
    crew.start(lambda: done.append(create_next(maintenance)))
    until(lambda: waits_for_a_lock(db, maintenance.info.backend_pid), "create-next waiting for the vacuum")
    for _ in range(20):
        append(writer, "s")
    vacuum.rollback()
    crew.join()
    assert "attach_span" in {step["action"] for step in done[0]}
    assert versions(db) == list(range(1, 24))
