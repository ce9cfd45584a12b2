"""`esdb partitions seal`: what is over is sealed once, whoever holds it, kills it or does it too."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from esdb_cli.exceptions import PartitionSealed
from esdb_cli.partitions import create_next
from esdb_cli.render import render
from esdb_cli.seal import plan, seal, unseal
from tests import tools
from tests.databases import environment, esdb_program
from tests.feed_clock import month_after, set_clock
from tests.feed_support import Crew, append, append_many, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb, bindir
from tests.seal_support import PastMonth, assert_sound, chain, digest_of, lines_of

CONTEXTS = 9
SEALS = "select count(*) from esdb.seals"


@pytest.fixture
def past(db: Connection, connect: Connect) -> PastMonth:
    """A store whose first month is over."""
    return PastMonth(db, connect)


def test_what_is_over_is_sealed_and_told(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.fill(2345)
    append(past.writer, "other", event_type="Made", group_context="c")
    past.fill(2, "n")
    append(past.present, "b-stream")
    result = esdb("partitions", "seal", "--json", env=past.environment)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert [seal["number"] for seal in told["sealed"]] == list(range(1, CONTEXTS + 1))
    assert [(seal["number"], seal["digest"]) for seal in told["sealed"]] == chain(db)
    assert told["held"] == []
    assert told["newest"] == {"number": CONTEXTS, "digest": chain(db)[-1][1]}
    counts = {seal["partition"]: seal["event_count"] for seal in told["sealed"]}
    assert counts.pop(past.leaf) == 2346
    assert counts.pop(past.note_leaf) == 2
    assert set(counts.values()) == {0}
    assert told["sealed"][0]["events_digest"] == digest_of(lines_of(db, past.leaf)).hex()
    assert_sound(db)
    audited = db.execute(
        "select subject, affected, details ->> 'digest' from esdb.audit_trail where action = 'seal' order by number"
    ).fetchall()
    assert audited == [(seal["partition"], seal["event_count"], seal["digest"]) for seal in told["sealed"]]
    frontier = db.execute("select month, position from esdb.seal_frontier").fetchone()
    assert frontier == (past.end, value(db, "select max(position) - 1 from esdb.events"))

    again = esdb("partitions", "seal", env=past.environment)
    assert (again.returncode, again.stderr) == (0, "nothing to do: every partition that is over is sealed\n")
    assert again.stdout == f"newest digest: {chain(db)[-1][1]} (number {CONTEXTS})\n"
    past.right_clock()
    verified = esdb("verify", "--events")
    assert (verified.returncode, verified.stdout) == (0, "ok\n")


def test_the_table_names_each_partition_and_one_context_can_be_chosen(past: PastMonth, esdb: Esdb) -> None:
    past.fill(3, "n")
    result = esdb("partitions", "seal", "--context", "n", env=past.environment)
    assert result.returncode == 0, result.stderr
    *_, row, newest = result.stdout.splitlines()
    number, partition, count, digest = row.split()
    assert (number, partition, count) == ("1", past.note_leaf, "3")
    assert newest == f"newest digest: {digest} (number 1)"
    assert esdb("partitions", "seal", "--context", "zz").returncode == 1
    assert esdb("partitions", "seal", "--dry-run", "--json").returncode == 2


def test_sealed_leaves_are_frozen_and_analysed(db: Connection, past: PastMonth) -> None:
    past.fill(500)
    # only a commit that is on the disk is everyone's
    db.execute("checkpoint")
    past.present.execute("set synchronous_commit = on")
    past.seal()
    frozen = "select relallvisible = relpages and relpages > 0 and reltuples = 500 from pg_class where relname = %s"
    assert value(db, frozen, (past.leaf,))


def test_nothing_is_sealed_before_its_time(db: Connection, past: PastMonth) -> None:
    set_clock(past.present, past.end + timedelta(days=1, microseconds=-1))
    assert past.seal() == []
    set_clock(past.present, past.end + timedelta(days=1))
    assert len(past.seal()) == CONTEXTS
    db.execute("select esdb.set_setting('seal_after', '10 days')")
    set_clock(past.present, month_after(past.end) + timedelta(days=9))
    assert past.seal() == []
    set_clock(past.present, month_after(past.end) + timedelta(days=10))
    assert len(past.seal()) == CONTEXTS
    assert_sound(db)


def test_a_span_is_sealed_and_an_overflow_never(db: Connection, past: PastMonth) -> None:
    overflow = value(db, "select lower_bound from esdb.partitions where kind = 'overflow' and bounded_context = 'b'")
    late = past.clock.connect(month_after(overflow, 2))
    append_many(late, "late", 3)
    set_clock(late, month_after(overflow, 30))
    done = seal(late)
    assert {row["partition"] for row in done.sealed}.isdisjoint({"events_bookmark_overflow"})
    assert value(db, "select max(upper_bound) from esdb.seals where bounded_context = 'b'") == overflow
    create_next(late)
    (span,) = db.execute("select partition from esdb.partitions where kind = 'span'").fetchone() or ("",)
    assert span not in {row["partition"] for row in seal(late).sealed}  # it reaches into the months to come
    set_clock(late, month_after(overflow, 40))
    create_next(late)
    assert span in {row["partition"] for row in seal(late).sealed}
    assert_sound(db)
    assert value(db, "select esdb._barrier('esdb.events_bookmark_overflow'::regclass)") is None


def test_a_leaf_that_was_held_has_its_time_after_the_others(past: PastMonth, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the others took: the time to wait is for locks."""
    past.fill()
    past.writer.execute("begin")
    append(past.writer, "late")
    now, reported = [0.0], []
    monkeypatch.setattr("esdb_cli.ddl.time.monotonic", lambda: now[0])

    def report(sealed: dict[str, Any]) -> None:
        now[0] += 100
        reported.append(sealed["partition"])
        if len(reported) == CONTEXTS - 1:
            past.writer.execute("commit")

    done = seal(past.present, wait=60, report=report)
    assert done.held == []
    assert reported[-1] == past.leaf


def test_a_frontier_that_a_killed_run_left_behind_is_moved_by_the_next(
    db: Connection, past: PastMonth, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.fill()
    past.fill_present()
    with monkeypatch.context() as patch:
        patch.setattr("esdb_cli.seal._move_frontier", lambda *_: True)
        assert len(past.seal()) == CONTEXTS
    assert_sound(db)
    assert value(db, "select month < %s from esdb.seal_frontier", (past.end,))
    assert past.seal() == []
    assert value(db, "select month from esdb.seal_frontier") == past.end
    assert_sound(db)


@pytest.mark.parametrize("prepared", [False, True], ids=["open", "prepared"])
def test_a_leaf_that_is_held_is_left_for_the_next_run(
    db: Connection, past: PastMonth, esdb: Esdb, prepared: bool
) -> None:
    past.fill()
    past.writer.execute("begin")
    append(past.writer, "late")
    if prepared:
        past.writer.execute("prepare transaction 'held-month'")
    result = esdb("partitions", "seal", "--wait", "0", "--json", env=past.environment)
    assert result.returncode == 4, result.stderr
    assert past.leaf in result.stderr
    told = json.loads(result.stdout)
    assert told["held"] == [past.leaf]
    assert len(told["sealed"]) == CONTEXTS - 1
    assert value(db, "select month from esdb.seal_frontier") == past.month
    result = esdb("maintain", "--only", "seal", "--lock-timeout", "0.1", "--json", env=past.environment)
    assert (result.returncode, json.loads(result.stdout)[0]["result"]) == (4, "locked out")
    past.writer.execute("commit prepared 'held-month'" if prepared else "commit")
    assert past.seal() == [past.leaf]
    assert value(db, "select event_count from esdb.seals where bounded_context = 'b'") == 4
    assert_sound(db)


def test_a_leaf_that_is_free_again_in_time_is_sealed_by_the_same_run(db: Connection, past: PastMonth) -> None:
    past.writer.execute("begin")
    append(past.writer, "late")
    crew = Crew()
    done: list[str] = []
    crew.start(lambda: done.extend(past.seal(wait=30)))
    until(lambda: value(db, SEALS) == CONTEXTS - 1, "the others are sealed")
    past.writer.execute("commit")
    crew.join()
    assert done[-1] == past.leaf
    assert_sound(db)


CALLS = {
    "append_event": "select esdb.append_event('s', 'Happened', '{}', idempotency_key => 'k')",
    "append_event to a new stream": (
        "select esdb.append_event('new', 'Happened', '{}', 0, 'b', 'm', idempotency_key => 'k')"
    ),
    "append_events": (
        'select * from esdb.append_events(\'s\', \'[{"event_type": "A", "payload": {}},'
        ' {"event_type": "B", "payload": {}}]\', 1, idempotency_key => \'k\')'
    ),
    "append_to_streams": (
        'select * from esdb.append_to_streams(\'[{"aggregate_id": "free", "bounded_context": "n",'
        ' "group_context": "m", "events": [{"event_type": "A", "payload": {}}], "idempotency_key": "f"},'
        ' {"aggregate_id": "s", "events": [{"event_type": "A", "payload": {}}], "idempotency_key": "k"}]\')'
    ),
    "delete_stream": "select esdb.delete_stream('s')",
    "restore_stream": "select esdb.restore_stream('gone')",
}
STATE = (
    "select (select jsonb_agg(s order by s.aggregate_id) from esdb.streams as s),"
    " (select jsonb_agg(m) from esdb.stream_months as m), (select jsonb_agg(k) from esdb.idempotency_keys as k),"
    " (select count(*) from esdb.events)"
)


@pytest.mark.parametrize("statement", CALLS.values(), ids=CALLS.keys())
def test_an_append_that_waited_for_the_barrier_is_refused_whole_and_succeeds_when_the_clock_is_right(
    db: Connection, past: PastMonth, connect: Connect, statement: str
) -> None:
    append(past.writer, "s")
    append(past.writer, "gone")
    past.writer.execute("select esdb.delete_stream('gone')")
    before = db.execute(STATE).fetchall()
    leaf = next(leaf for leaf in plan(past.present) if leaf["partition"] == past.leaf)
    closing = connect(autocommit=False)
    closing.execute(render("close_partition", leaf))
    crew = Crew()
    refused: list[psycopg.Error] = []

    def write() -> None:
        try:
            past.writer.execute(statement)
        except psycopg.Error as error:
            refused.append(error)

    crew.start(write)
    until(lambda: waits_for_a_lock(db, past.writer.info.backend_pid), "the append waits for the barrier")
    closing.commit()
    crew.join()
    (error,) = refused
    assert isinstance(error, PartitionSealed)
    assert error.sqlstate == "SE012"
    assert past.leaf in (error.diag.message_detail or "")
    assert "Retry" in (error.diag.message_hint or "")
    assert db.execute(STATE).fetchall() == before
    with pytest.raises(PartitionSealed):
        past.writer.execute(statement)  # one that did not wait
    assert past.leaf in past.seal()
    set_clock(past.writer, past.now)
    past.writer.execute(statement)
    assert db.execute(STATE).fetchall() != before
    assert_sound(db)
    assert value(db, "select count(*) from esdb.events where timestamp < %s", (past.end,)) == 3


def test_a_run_killed_before_any_of_its_statements_is_completed_by_the_next(
    db: Connection, past: PastMonth, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.fill(1500)
    db.execute("select esdb.set_setting('seal_after', '0')")
    run = psycopg.Cursor.execute
    left = 0
    victim = past.clock.connect(past.now)

    def execute(cursor: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        if cursor.connection is victim:
            left -= 1
            if left == 0:
                run(db.cursor(), "select pg_terminate_backend(%s, 10000)", (victim.info.backend_pid,))
        return run(cursor, *arguments, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    states = set()
    for number in range(1, 100):
        left = number
        victim = past.clock.connect(past.now)
        try:
            seal(victim, context="b")
        except psycopg.OperationalError:
            has_barrier = value(db, "select esdb._barrier(%s::regclass) is not null", (f"esdb.{past.leaf}",))
            states.add((has_barrier, value(db, SEALS)))
            done = past.seal(context="b")
            assert done == ([past.leaf] if value(db, SEALS) else []) or value(db, SEALS) == 1
        else:
            break
        assert_sound(db)
        assert past.seal(context="b") == []
        unseal_the_leaf(past)
    assert number > 10
    assert states >= {(False, 0), (True, 0)}


def unseal_the_leaf(past: PastMonth) -> None:
    unseal(past.present, "b", past.month, "again")


def test_a_killed_process_is_completed_by_the_next(
    db: Connection, past: PastMonth, connect: Connect, db_url: str
) -> None:
    past.fill()
    holder = connect(autocommit=False)
    holder.execute("lock table esdb.seal_statistics in access exclusive mode")
    run = start(db_url, past, "--wait", "60")
    waiting = "select exists (select from pg_locks where not granted and relation = 'esdb.seal_statistics'::regclass)"
    until(lambda: value(db, waiting), "the run is at its last step")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    holder.rollback()
    assert value(db, "select esdb._barrier(%s::regclass) is not null", (f"esdb.{past.leaf}",))
    with pytest.raises(PartitionSealed):
        append(past.writer, "s")
    until(lambda: len(past.seal()) or value(db, SEALS) == CONTEXTS, "the next run")
    assert value(db, SEALS) == CONTEXTS
    assert_sound(db)


def start(url: str, past: PastMonth, *arguments: str) -> subprocess.Popen[str]:
    command = [str(esdb_program()), "partitions", "seal", "--json", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(url, past.environment), **pipes)


def test_runs_at_the_same_time_seal_each_leaf_once(db: Connection, past: PastMonth, db_url: str) -> None:
    for context in ("b", "n", "nt", "p", "t"):
        past.fill(1500, context)
    runs = [start(db_url, past) for _ in range(4)]
    done: list[str] = []
    for run in runs:
        output, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
        done += [sealed["partition"] for sealed in json.loads(output)["sealed"]]
    done += past.seal()  # what one run left to another that was at the same page
    assert len(done) == len(set(done)) == value(db, SEALS) == CONTEXTS
    assert_sound(db)


def test_what_was_read_before_the_leaf_was_open_is_not_sealed(db: Connection, past: PastMonth) -> None:
    past.fill()
    (leaf,) = plan(past.present, "b", past.month)
    db.execute(render("close_partition", leaf))
    (leaf,) = plan(past.present, "b", past.month)
    facts = value(db, "select esdb_meta.seal_facts(%s)::text", (leaf["leaf"],))
    digest = value(db, "select digest from esdb_meta.digest_events(%s)", (leaf["leaf"],))
    unseal_the_leaf(past)
    past.fill()
    db.execute(render("close_partition", leaf))
    stale = ("b", past.month, leaf["barrier"], facts, digest)
    assert past.present.execute("select * from esdb._seal(%s, %s, %s, %s, %s)", stale).fetchall() == []
    assert past.leaf in past.seal()
    assert value(db, "select event_count from esdb.seals where bounded_context = 'b'") == 6
    assert_sound(db)


def test_a_dry_run_changes_nothing_and_what_it_prints_seals(
    db: Connection, past: PastMonth, esdb: Esdb, db_url: str
) -> None:
    past.fill(1500)
    result = esdb("partitions", "seal", "--dry-run", env=past.environment)
    assert result.returncode == 0, result.stderr
    assert value(db, SEALS) == 0
    assert len(plan(past.present)) == CONTEXTS
    psql = [str(tools.client("psql", bindir())), "-X", "-q", "-v", "ON_ERROR_STOP=1", db_url]
    subprocess.run(psql, input=result.stdout, env=environment(None, past.environment), text=True, check=True)
    assert past.seal() == []
    assert value(db, SEALS) == CONTEXTS
    assert_sound(db)


def test_a_default_isolation_and_a_zone_of_the_role_change_nothing(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.fill()
    options = past.environment["PGOPTIONS"] + (
        " -c default_transaction_isolation=serializable -c timezone=Pacific/Auckland -c search_path="
        " -c datestyle=German -c intervalstyle=iso_8601 -c bytea_output=escape"
        " -c extra_float_digits=0 -c quote_all_identifiers=on"
    )
    result = esdb("partitions", "seal", "--json", env={"PGOPTIONS": options})
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["sealed"]) == CONTEXTS
    assert_sound(db)
    assert isinstance(value(db, "select sealed_at from esdb.seals limit 1"), datetime)
