"""`esdb partitions`: months made ahead, again, at once, killed, refused, and while appends run."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from typing import Any

import psycopg
import pytest

from esdb_cli.partitions import create_next
from tests.databases import environment, esdb_program
from tests.feed_clock import Clock, month_after, utc
from tests.feed_support import (
    PERFECT,
    Crew,
    Writers,
    append,
    append_many,
    judge,
    mark,
    read_all,
    stored,
    until,
    value,
    waits_for_a_lock,
)
from tests.fixtures import Connect, Connection, Esdb
from tests.test_migrate_faults import TERMINATE, set_hook

CONTEXTS = 9


def leaves(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select partition, kind, lower_bound, upper_bound from esdb.partitions order by partition"
    ).fetchall()


def catalog(connection: Connection) -> list[tuple[Any, ...]]:
    """Give everything that stands on the leaves: constraints, indexes and triggers by name and definition."""
    return connection.execute(
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace = 'esdb'::regnamespace"
        " union all select tablename, indexname, indexdef from pg_indexes where schemaname = 'esdb'"
        " union all select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) || tgenabled::text from pg_trigger"
        " where tgrelid::regclass::text like 'esdb.%' order by 1, 2, 3"
    ).fetchall()


def overflow_start(connection: Connection, context: str = "b") -> datetime:
    query = "select lower_bound from esdb.partitions where kind = 'overflow' and bounded_context = %s"
    start = value(connection, query, (context,))
    assert isinstance(start, datetime)
    return start


def assert_sound(connection: Connection) -> None:
    """Each context's leaves follow each other without gap, end in an overflow, and look all alike."""
    rows = connection.execute(
        "select context_name, array_agg(kind order by lower_bound), bool_and(follows), count(distinct looks)"
        " from (select p.*, lower_bound is not distinct from coalesce(lag(upper_bound) over w, lower_bound) as follows,"
        "  (select array_agg(contype::text || convalidated order by contype) from pg_constraint"
        "   where conrelid = format('esdb.%I', partition)::regclass)::text"
        "  || (select count(*) from pg_indexes where schemaname = 'esdb' and tablename = partition)"
        "  || (select count(*) from pg_trigger where tgrelid = format('esdb.%I', partition)::regclass) as looks"
        "  from esdb.partitions as p window w as (partition by context_name order by lower_bound)) as p"
        " group by context_name"
    ).fetchall()
    assert len(rows) == CONTEXTS
    for context, kinds, follows, looks in rows:
        assert kinds[-1] == "overflow", context
        assert kinds.count("overflow") == 1, context
        assert follows, context
        assert looks == 1, context


def test_a_second_run_has_nothing_to_do(db: Connection, esdb: Esdb) -> None:
    before = leaves(db), catalog(db)
    again = esdb("partitions", "create-next")
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr
    assert esdb("partitions", "create-next", "--json").stdout.strip() == "[]"
    assert (leaves(db), catalog(db)) == before
    assert_sound(db)


def test_months_are_made_ahead_and_told(db: Connection, esdb: Esdb) -> None:
    start = overflow_start(db)
    result = esdb("partitions", "create-next", "--months", "5", "--json")
    assert result.returncode == 0, result.stderr
    made = [step for step in json.loads(result.stdout) if step["action"] == "create_month"]
    assert len(made) == 2 * CONTEXTS
    assert overflow_start(db) == month_after(start, 2)
    assert_sound(db)
    listed = json.loads(esdb("partitions", "list", "--json").stdout)
    assert {row["partition"] for row in listed} == {row[0] for row in leaves(db)}
    assert {step["partition"] for step in made} <= {row["partition"] for row in listed}
    notes = json.loads(esdb("partitions", "list", "--context", "nt", "--json").stdout)
    assert {row["bounded_context"] for row in notes} == {"nt"}
    assert "events_nt_overflow" in esdb("partitions", "list").stdout


def test_runs_at_the_same_time_do_the_work_once(db: Connection, db_url: str) -> None:
    command = [str(esdb_program()), "partitions", "create-next", "--months", "5", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, env=environment(db_url), **pipes) for _ in range(4)]
    done: list[str] = []
    for run in runs:
        output, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
        done += [step["partition"] for step in json.loads(output) if step["action"] == "create_month"]
    assert len(done) == len(set(done)) == 2 * CONTEXTS
    assert_sound(db)


@pytest.mark.parametrize("used", [False, True], ids=["empty-overflow", "used-overflow"])
def test_a_dry_run_changes_nothing_and_prints_what_would_be_done(
    db: Connection, connect: Connect, esdb: Esdb, used: bool
) -> None:
    clock = Clock(connect)
    now = month_after(overflow_start(db), 1)
    if used:
        append_many(clock.connect(now), "s", 3)
    before = leaves(db), catalog(db)
    result = esdb("partitions", "create-next", "--dry-run", env=clock.environment(now))
    assert result.returncode == 0, result.stderr
    assert (leaves(db), catalog(db)) == before
    lines = result.stdout.splitlines()
    # a transaction a context, three for the one whose overflow is used
    assert lines.count("begin;") == lines.count("commit;") == CONTEXTS + (2 if used else 0)
    script = connect()
    script.execute("begin")
    script.execute("\n".join(line for line in lines if line not in {"begin;", "commit;"}))
    scripted = leaves(script), catalog(script)
    script.execute("rollback")
    create_next(clock.connect(now))
    assert (leaves(db), catalog(db)) == scripted
    assert_sound(db)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 9, 12, 13, 14, 15, 17, 30, 60])
def test_what_a_killed_run_left_is_completed(db: Connection, connect: Connect, number: int) -> None:
    clock = Clock(connect)
    now = month_after(overflow_start(db), 1)
    writer = clock.connect(now)
    append_many(writer, "s", 3)
    set_hook(db, number, TERMINATE)
    with pytest.raises(psycopg.OperationalError):
        create_next(clock.connect(now))
    append_many(writer, "s", 2)
    create_next(clock.connect(now))
    assert create_next(clock.connect(now)) == []
    append_many(writer, "s", 2)
    assert_sound(db)
    assert [version for (version,) in db.execute("select version from esdb.read_stream('s')")] == list(range(1, 8))


def test_a_used_overflow_becomes_a_span_while_appends_run(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    now = month_after(overflow_start(db), 2)
    append_many(clock.connect(now), "s-0", 500)
    before = read_all(db, count=10_000)
    with Writers(lambda: clock.connect(now)) as writers:
        done = create_next(clock.connect(now))
        writers.go_on()
    spans = [step["partition"] for step in done if step["action"] == "attach_span"]
    assert len(spans) == 2
    assert_sound(db)
    events = stored(db)
    assert len(events) == 500 + sum(writers.appended)
    until(lambda: mark(db) == events[-1].position, "the mark")
    seen = read_all(db, count=len(events) + 1)
    assert seen[:500] == before
    assert judge(seen, events) == PERFECT
    for number in range(4):
        rows = db.execute("select version from esdb.read_stream(%s, max_count => 100000)", (f"s-{number}",))
        assert [version for (version,) in rows] == list(range(1, writers.appended[number] + 1 + 500 * (number == 0)))


def test_the_span_is_attached_without_a_scan(db: Connection, connect: Connect) -> None:
    """It is attached while appends wait, and it may be large."""
    clock = Clock(connect)
    now = month_after(overflow_start(db), 2)
    maintenance = clock.connect(now)
    append_many(maintenance, "s", 3)
    messages: list[str] = []
    maintenance.add_notice_handler(lambda notice: messages.append(notice.message_primary or ""))
    maintenance.execute("set client_min_messages = debug1")
    span = next(step["partition"] for step in create_next(maintenance) if step["action"] == "attach_span")
    assert [message for message in messages if span in message and "verifying table" in message] == []
    assert [message for message in messages if span in message and "implied by existing constraints" in message]


def test_an_open_append_makes_the_command_give_up_in_time(db: Connection, connect: Connect, esdb: Esdb) -> None:
    slow = connect(autocommit=False)
    append(slow, "s")
    result = esdb("partitions", "create-next", "--months", "5", "--wait", "0.2")
    assert result.returncode == 4
    assert "within 0.2 seconds" in result.stderr
    assert "from pg_stat_activity where xact_start is not null" in result.stderr
    assert_sound(db)
    append(db, "other")
    slow.commit()
    result = esdb("partitions", "create-next", "--months", "5")
    assert result.returncode == 0, result.stderr
    assert_sound(db)


def test_an_event_that_comes_while_the_overflow_steps_aside(db: Connection, connect: Connect) -> None:
    """The plan saw an empty overflow; the append it then waited for has put an event there."""
    clock = Clock(connect)
    now = month_after(overflow_start(db), 1)
    maintenance = clock.connect(now)
    slow = clock.connect(now)
    slow.execute("begin")
    append(slow, "s")
    pid = maintenance.info.backend_pid
    done: list[list[dict[str, Any]]] = []
    crew = Crew()
    crew.start(lambda: done.append(create_next(maintenance)))
    until(lambda: waits_for_a_lock(db, pid), "create-next waiting for the append")
    slow.execute("commit")
    crew.join()
    assert "attach_span" in {step["action"] for step in done[0]}
    assert_sound(db)
    append(slow, "s")
    assert [version for (version,) in db.execute("select version from esdb.read_stream('s')")] == [1, 2]


def test_months_without_maintenance_lose_nothing(db: Connection, connect: Connect) -> None:
    clock = Clock(connect)
    far = utc(overflow_start(db).year, 10, 31)
    writer = clock.connect(far)
    append_many(writer, "s", 3)
    create_next(clock.connect(far))
    append_many(writer, "s", 3)
    create_next(clock.connect(month_after(far, 6)))
    append_many(clock.connect(month_after(far, 6)), "s", 3)
    assert_sound(db)
    assert [version for (version,) in db.execute("select version from esdb.read_stream('s')")] == list(range(1, 10))
    assert [event.version for event in read_all(db)] == list(range(1, 10))


def test_how_partitions_are_kept_is_told_while_they_are_locked(db: Connection, connect: Connect) -> None:
    locker = connect(autocommit=False)
    locker.execute("lock table esdb.events_note_overflow in access exclusive mode")
    db.execute("set statement_timeout = '20s'")
    assert value(db, "select count(*) from esdb.partition_health where reasons = '{}'") == CONTEXTS * 6
    assert value(db, "select count(*) from esdb.partition_status where reasons = '{}'") == CONTEXTS
