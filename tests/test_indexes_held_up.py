"""`esdb verify` beside a run of `esdb indexes` that an old transaction holds up, and after one that was killed."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from esdb_cli.indexes import change
from esdb_cli.verification import faults
from tests.databases import start_esdb
from tests.feed_support import Crew, append, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb
from tests.test_indexes import old_snapshot, optional_indexes, partition_faults, state


def at_work(observer: Connection) -> int | None:
    """Give the server process of an `esdb` command that waits for a lock."""
    row = observer.execute(
        "select pid from pg_stat_activity where datname = current_database() and application_name = 'esdb'"
        " and wait_event_type = 'Lock'"
    ).fetchone()
    return int(row[0]) if row else None


def is_connected(observer: Connection, pid: object) -> bool:
    return bool(value(observer, "select exists (select from pg_stat_activity where pid = %s)", (pid,)))


@pytest.mark.parametrize("command", ["enable", "disable"])
@pytest.mark.parametrize("name", ["correlation", "streams"])
def test_a_run_at_work_is_no_fault(db: Connection, connect: Connect, esdb: Esdb, name: str, command: str) -> None:
    if command == "disable":
        change(connect(), name, wanted=True)

    def work_on(connection: Connection) -> None:
        change(connection, name, wanted=command == "enable")

    work = connect()
    crew = Crew()
    with old_snapshot(connect) as old:
        old.execute("select count(*) from esdb.streams")
        crew.start(work_on, work)
        until(lambda: waits_for_a_lock(db, work.info.backend_pid), "the run waiting for the old transaction")
        assert esdb("verify").stdout == "ok\n"
        db.execute("alter table esdb.events_note_overflow disable trigger events_are_immutable")
        (fault,) = partition_faults(db)
        assert "no trigger that refuses changes" in fault
        db.execute("alter table esdb.events_note_overflow enable always trigger events_are_immutable")
        assert waits_for_a_lock(db, work.info.backend_pid)
    crew.join()
    assert faults(db) == []


@pytest.mark.parametrize("killed", ["server process", "command"])
@pytest.mark.parametrize("command", ["enable", "disable"])
def test_what_a_killed_run_left_is_completed(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, killed: str, command: str
) -> None:
    if command == "disable":
        change(connect(), "correlation", wanted=True)
    with old_snapshot(connect):
        run = start_esdb("indexes", command, "correlation", url=db_url)
        pid = until(lambda: at_work(db), "the command waiting for the old transaction")
        if killed == "command":
            run.kill()
        else:
            db.execute("select pg_terminate_backend(%s)", (pid,))
        run.communicate(timeout=60)
        assert run.returncode != 0
        if killed == "server process":
            assert faults(db) != []
        append(db, "s", metadata=Jsonb({"correlation_id": "c"}))
    # without its command, the server process goes on until it has what it waited for
    until(lambda: not is_connected(db, pid), "the end of the server process")
    assert faults(db) != []
    result = esdb("indexes", command, "correlation")
    assert result.returncode == 0, result.stderr
    assert faults(db) == []
    assert state(db)[0] == {"enable": "on", "disable": "off"}[command]
    assert (optional_indexes(db) == set()) == (command == "disable")
