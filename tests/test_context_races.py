"""`esdb contexts add` while others work: appends, other runs, locks, a kill, and sessions that were there before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.contexts import add
from tests.databases import start_esdb
from tests.feed_support import (
    PERFECT,
    Crew,
    Writers,
    append,
    call,
    judge,
    mark,
    read_all,
    stored,
    until,
    value,
    waits_for_a_lock,
)
from tests.fixtures import Connect, Connection, Esdb
from tests.pgbouncer import Pooled
from tests.test_contexts import assert_clean, codes, everything
from tests.test_migrate_faults import TERMINATE, set_hook

EVENT = {"event_type": "T", "payload": {}}


def test_additions_at_the_same_time_lose_none(db: Connection, db_url: str) -> None:
    new = ["o", "o1", "o2", "o3", "o4", "o5"]
    runs = [start_esdb("contexts", "add", code, f"name_{code}", url=db_url) for code in [*new, "o"]]
    runs += [start_esdb("contexts", "add", code, f"name_{code}", "--kind", "group", url=db_url) for code in "xyz"]
    told = []
    for run in runs:
        _, messages = run.communicate(timeout=60)
        assert run.returncode == 0, messages
        told.append(messages)
    assert set(new) <= set(codes(db))
    assert set("xyz") <= set(codes(db, "group"))
    assert sum(messages.startswith("added the bounded context o (") for messages in told) == 1
    assert_clean(db)
    for code in new:
        append(db, f"s-{code}", bounded_context=code, group_context="y")


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 7, 15, 40, 50])
def test_a_killed_run_leaves_nothing_and_the_next_completes(db: Connection, connect: Connect, number: int) -> None:
    before = everything(db)
    set_hook(db, number, TERMINATE)
    killed = connect()
    with pytest.raises(psycopg.OperationalError):
        add(killed, "bounded", "o", "order")
    assert killed.broken
    assert everything(db) == before
    assert add(connect(), "bounded", "o", "order")
    append(db, "order-1", bounded_context="o")
    assert_clean(db)


def test_sessions_of_before_use_the_new_code(db: Connection, connect: Connect, pooled: Pooled, db_url: str) -> None:
    """What they have cached (plans, a domain's checks) does not keep them from it."""
    query = "select version from esdb.append_event(%s, 'T', '{}', bounded_context => %s, group_context => %s)"
    plain, prepared, open_transaction = connect(), connect(prepare_threshold=0), connect()
    through_pooler = connect_through(pooled, db_url)
    sessions = [plain, prepared, open_transaction, through_pooler]
    for number, session in enumerate(sessions):
        # often enough for generic plans
        for _ in range(8):
            session.execute(query, (f"before-{number}", "b", "m"))
            session.execute("select %s::esdb.bounded_context_code", ("b",))
        with pytest.raises(psycopg.DatabaseError, match="unknown bounded context"):
            session.execute(query, (f"new-{number}", "o", "m"))
    prepared.execute("prepare cast_of_code(text) as select $1::esdb.bounded_context_code::text")
    prepared.execute("prepare registered(text) as select count(*) from esdb.bounded_contexts where code = $1")
    for _ in range(8):
        prepared.execute("execute cast_of_code('b')")
        prepared.execute("execute registered('b')")
    open_transaction.execute("begin")
    open_transaction.execute(query, ("before-2", "b", "m"))

    add(db, "bounded", "o", "order", wait=0)
    add(db, "group", "g", "gate", wait=0)

    for number, session in enumerate(sessions):
        assert value(session, query, (f"new-{number}", "o", "g")) == 1
        assert value(session, query, (f"new-{number}", "o", "g")) == 2
        assert value(session, "select %s::esdb.bounded_context_code::text", ("o",)) == "o"
        events = call(session, "append_events", aggregate_id=f"new-{number}", events=Jsonb([EVENT]))
        assert len(events) == 1
    assert value(prepared, "execute cast_of_code('o')") == "o"
    assert value(prepared, "execute registered('o')") == 1
    open_transaction.execute("commit")
    through_pooler.close()
    assert [event.version for event in read_all(db, bounded_contexts=["o"])] == [1, 2, 3] * 4


def connect_through(pooled: Pooled, db_url: str) -> Connection:
    return psycopg.connect(pooled(db_url), autocommit=True, prepare_threshold=None)


def test_no_append_waits_for_an_addition_nor_an_addition_for_appends(db: Connection, connect: Connect) -> None:
    """Open transactions have written to, and read from, every context: the command asks for no lock that they hold."""
    held = connect(autocommit=False)
    reader = connect(autocommit=False)
    for code in codes(db):
        append(held, f"held-{code}", bounded_context=code)
    reader.execute("select count(*) from esdb.events")

    # an append that had to wait for DDL would fail
    with Writers(lambda: connect(options="-c lock_timeout=400ms")) as writers:
        for number in range(5):
            assert add(db, "bounded", f"o{number}", f"order_{number}", wait=0)
            assert add(db, "group", str(number), f"gate_{number}", wait=0)
        writers.go_on()
    held.commit()
    reader.commit()
    assert_clean(db)
    events = stored(db)
    assert len(events) == sum(writers.appended) + 9
    until(lambda: mark(db) == events[-1].position, "the mark")
    assert judge(read_all(db, count=len(events) + 1), events) == PERFECT


def test_a_lock_in_the_way_is_waited_for_without_blocking_appends(
    db: Connection, connect: Connect, esdb: Esdb, db_url: str
) -> None:
    before = everything(db)
    blocker = connect(autocommit=False)
    blocker.execute("lock table esdb.events in share update exclusive mode")  # as VACUUM and other DDL do
    result = esdb("contexts", "add", "o", "order", "--wait", "0.2")
    assert result.returncode == 4
    assert "could not add the context o within 0.2 seconds" in result.stderr
    assert "from pg_stat_activity where xact_start is not null" in result.stderr
    assert everything(db) == before

    run = start_esdb("contexts", "add", "o", "order", url=db_url)
    waiting = "select pid from pg_locks where not granted and relation = 'esdb.events'::regclass"
    until(lambda: db.execute(waiting).fetchone(), "contexts add waiting")
    append(db, "s-1")
    blocker.rollback()
    _, messages = run.communicate(timeout=60)
    assert (run.returncode, messages) == (0, "added the bounded context o (order)\n")
    append(db, "order-1", bounded_context="o")


def test_it_takes_turns_with_other_maintenance(db: Connection, connect: Connect) -> None:
    other = connect(autocommit=False)
    other.execute("select esdb._lock_maintenance()")
    adding = connect()
    pid = adding.info.backend_pid
    crew = Crew()
    done: list[Any] = []
    crew.start(lambda: done.extend(add(adding, "bounded", "o", "order")))
    until(lambda: waits_for_a_lock(db, pid), "contexts add waiting")
    append(db, "s-1")
    other.rollback()
    crew.join()
    assert done
    assert "o" in codes(db)
