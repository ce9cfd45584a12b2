"""`esdb indexes`: built and dropped beside appends, held up, killed, run twice, while partitions are made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.types.json import Jsonb

from esdb_cli.errors import CliError
from esdb_cli.indexes import change
from esdb_cli.partitions import create_next
from esdb_cli.verification import faults
from tests.databases import start_esdb
from tests.feed_clock import Clock, month_after
from tests.feed_support import Crew, append, append_many, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection, Esdb
from tests.pgbouncer import Pooled
from tests.test_partitions import assert_sound, catalog, overflow_start

SUFFIXES = ("caused_by", "correlated")


def state(connection: Connection, name: str = "correlation") -> tuple[str, int, int]:
    """Give an optional index's state, the tables it belongs on, and those that have it."""
    row = connection.execute(
        "select state, tables, tables_with_it from esdb.list_optional_indexes() where name = %s", (name,)
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def partition_faults(connection: Connection) -> list[str]:
    """Give what `esdb verify` says of partitions and indexes, also in a database whose clock the test sets."""
    return [fault for (fault,) in connection.execute("select fault from esdb_meta.partition_faults()")]


def assert_on(connection: Connection) -> None:
    name, tables, complete = state(connection)
    assert (name, tables) == ("on", complete)
    assert partition_faults(connection) == []


def enable(connection: Connection) -> None:
    change(connection, "correlation", wanted=True)


def disable(connection: Connection) -> None:
    change(connection, "correlation", wanted=False)


def optional_indexes(connection: Connection) -> set[str]:
    rows = connection.execute(
        "select indexname from pg_indexes where schemaname = 'esdb' and indexname ~ '_(caused_by|correlated)$'"
    )
    return {name for (name,) in rows}


@contextmanager
def old_snapshot(connect: Connect) -> Iterator[Connection]:
    """Hold a transaction open whose snapshot every CREATE INDEX CONCURRENTLY has to wait for."""
    old = connect()
    old.execute("begin isolation level repeatable read")
    old.execute("select count(*) from esdb.events")
    yield old
    old.execute("rollback")


@contextmanager
def writers(connect: Connect) -> Iterator[Callable[[], None]]:
    """Append from four connections, to new and known streams; gives a function that waits until each goes on."""
    stop = threading.Event()
    appended = [0] * 4

    def write(number: int) -> None:
        connection = connect()
        while not stop.is_set():
            metadata = Jsonb({"correlation_id": f"c-{number}", "causation_id": f"e-{appended[number] % 7}"})
            context = "bn"[number % 2]
            append(connection, f"known-{number}", metadata=metadata, bounded_context=context)
            append(connection, f"new-{number}-{appended[number]}", metadata=metadata, bounded_context=context)
            appended[number] += 1

    def go_on() -> None:
        reached = list(appended)
        until(lambda: min(now - then for now, then in zip(appended, reached, strict=True)) > 10, "appends going on")

    crew = Crew()
    for number in range(4):
        crew.start(write, number)
    try:
        yield go_on
    finally:
        stop.set()
        crew.join()


@pytest.mark.parametrize("name", ["correlation", "streams"])
def test_an_index_is_enabled_and_disabled(db: Connection, esdb: Esdb, name: str) -> None:
    before = catalog(db)
    listed = json.loads(esdb("indexes", "list", "--json").stdout)
    assert {row["name"]: row["state"] for row in listed} == {"correlation": "off", "streams": "off"}
    assert name in esdb("indexes", "list").stdout
    enabled = esdb("indexes", "enable", name)
    assert (enabled.returncode, enabled.stdout) == (0, ""), enabled.stderr
    assert enabled.stderr.startswith("[1/")
    assert enabled.stderr.endswith(f"{name} is on\n")
    assert state(db, name)[0] == "on"
    assert esdb("verify").stdout == "ok\n"
    assert esdb("indexes", "enable", name).stderr == f"nothing to do: {name} is on\n"
    assert esdb("migrate").stderr == "up to date\n"
    disabled = esdb("indexes", "disable", name)
    assert disabled.returncode == 0, disabled.stderr
    assert catalog(db) == before
    assert esdb("verify").stdout == "ok\n"
    assert esdb("indexes", "disable", name).stderr == f"nothing to do: {name} is off\n"


def test_an_unknown_name_is_refused(db: Connection, esdb: Esdb) -> None:
    before = catalog(db)
    for arguments in (["enable"], ["disable"], ["enable", "--dry-run"]):
        refused = esdb("indexes", *arguments, "'; drop schema esdb cascade; --")
        assert refused.returncode == 1
        assert "SE009" in refused.stderr
        assert "correlation, streams" in refused.stderr
    assert catalog(db) == before


def test_a_dry_run_changes_nothing_and_prints_what_would_be_done(db: Connection, connect: Connect, esdb: Esdb) -> None:
    script = connect()
    for command in ("enable", "disable"):
        before = catalog(db), state(db)
        result = esdb("indexes", command, "correlation", "--dry-run")
        assert result.returncode == 0, result.stderr
        assert (catalog(db), state(db)) == before
        for statement in result.stdout.split(";\n"):
            if statement.strip():
                script.execute(statement)
        scripted = catalog(db), state(db)
        assert scripted != before
        assert esdb("indexes", command, "correlation").stderr.startswith("nothing to do")
        assert (catalog(db), state(db)) == scripted


@pytest.mark.parametrize("role", ["esdb_reader", "esdb_writer", "esdb_maintainer"])
def test_only_the_owner_enables_and_every_role_lists(db: Connection, esdb: Esdb, role: str) -> None:
    before = catalog(db)
    as_role = {"PGOPTIONS": f"-c role={role}"}
    assert esdb("indexes", "list", env=as_role).returncode == 0
    for command in ("enable", "disable"):
        refused = esdb("indexes", command, "correlation", env=as_role)
        assert refused.returncode == 1
        assert "permission denied" in refused.stderr
    assert (catalog(db), state(db)[0]) == (before, "off")


def test_appends_go_on_while_an_index_is_built_and_dropped(db: Connection, connect: Connect) -> None:
    """An old transaction holds the build up for as long as the test likes; every append meets the half-built index."""
    work = connect()
    crew = Crew()
    with writers(connect) as go_on:
        go_on()
        with old_snapshot(connect):
            crew.start(enable, work)
            until(lambda: waits_for_a_lock(db, work.info.backend_pid), "the build waiting for the old transaction")
            go_on()
            name, tables, complete = state(db)
            assert name == "building"
            assert complete < tables
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                db.execute("select * from esdb.read_correlated('c-0')")
            assert waits_for_a_lock(db, work.info.backend_pid)
        crew.join()
        assert_on(db)
        go_on()
        with old_snapshot(connect):
            crew.start(disable, work)
            until(lambda: waits_for_a_lock(db, work.info.backend_pid), "the drop waiting for the old transaction")
            go_on()
            assert state(db)[0] == "off"
            assert waits_for_a_lock(db, work.info.backend_pid)
        crew.join()
        assert optional_indexes(db) == set()
        go_on()
    assert faults(db) == []


def test_what_was_appended_during_the_build_is_found(db: Connection, connect: Connect) -> None:
    with writers(connect) as go_on:
        go_on()
        change(connect(), "correlation", wanted=True)
        go_on()
    for number in range(4):
        found = db.execute("select position from esdb.read_correlated(%s, 1000000)", (f"c-{number}",)).fetchall()
        stored = db.execute(
            "select position from esdb.events where metadata ->> 'correlation_id' = %s order by 1", (f"c-{number}",)
        ).fetchall()
        assert found == stored
        assert len(found) > 20


def test_an_old_transaction_makes_the_command_give_up_in_time(db: Connection, connect: Connect, esdb: Esdb) -> None:
    with old_snapshot(connect):
        result = esdb("indexes", "enable", "correlation", "--wait", "0.2")
        assert result.returncode == 4
        assert "within 0.2 seconds" in result.stderr
        assert "from pg_stat_activity where xact_start is not null" in result.stderr
        verified = esdb("verify")
        assert verified.returncode == 3
        assert "is INVALID: run esdb indexes enable correlation" in verified.stdout
        append(db, "s", metadata=Jsonb({"correlation_id": "c"}))
    result = esdb("indexes", "enable", "correlation")
    assert result.returncode == 0, result.stderr
    assert "[1/" in result.stderr
    assert "drop index" in result.stderr
    assert_on(db)
    assert value(db, "select count(*) from esdb.read_correlated('c')") == 1


def test_runs_at_the_same_time_take_turns(db: Connection, db_url: str) -> None:
    runs = [start_esdb("indexes", "enable", "correlation", url=db_url) for _ in range(3)]
    told = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * 3, told
    assert sum("nothing to do" in errors for errors in told) == 2
    assert not any("drop index" in errors for errors in told)
    assert_on(db)


def test_a_second_run_gives_up_in_time(db: Connection, connect: Connect, esdb: Esdb) -> None:
    work = connect()
    crew = Crew()
    with old_snapshot(connect):
        crew.start(enable, work)
        until(lambda: waits_for_a_lock(db, work.info.backend_pid), "the build waiting for the old transaction")
        result = esdb("indexes", "disable", "correlation", "--wait", "0.2")
        assert result.returncode == 4
        assert "another `esdb indexes` is at work" in result.stderr
    crew.join()
    assert_on(db)


def test_a_pooler_is_refused(db: Connection, db_url: str, pooled: Pooled, esdb: Esdb) -> None:
    for command in ("enable", "disable"):
        refused = esdb("indexes", command, "streams", url=pooled(db_url))
        assert refused.returncode == 1
        assert "does not work through a connection pooler" in refused.stderr
    assert esdb("indexes", "list", url=pooled(db_url)).returncode == 0
    assert state(db, "streams")[0] == "off"


def test_new_partitions_have_what_is_enabled(db: Connection, connect: Connect) -> None:
    change(connect(), "correlation", wanted=True)
    assert create_next(connect(), months=6)
    assert_on(db)
    assert_sound(db)
    change(connect(), "correlation", wanted=False)
    assert create_next(connect(), months=7)
    assert optional_indexes(db) == set()
    assert faults(db) == []
    assert_sound(db)


@pytest.mark.parametrize("chosen", ["on", "building", "off with a rest"])
def test_a_span_takes_its_indexes_along(db: Connection, connect: Connect, chosen: str) -> None:
    clock = Clock(connect)
    work = clock.connect(month_after(overflow_start(db), 1))
    append_many(work, "s", 3, metadata=Jsonb({"correlation_id": "c"}))
    change(work, "correlation", wanted=True)
    if chosen == "off with a rest":
        db.execute("select esdb._want_optional_index('correlation', false)")
    elif chosen == "building":
        db.execute("update esdb.optional_indexes set ready = false")
        db.execute("drop index esdb.events_bookmark_overflow_correlated")
    span = next(step["partition"] for step in create_next(work) if step["action"] == "attach_span")
    kept = {"building": SUFFIXES[:1]}.get(chosen, SUFFIXES)
    assert {name for name in optional_indexes(db) if name.startswith(f"{span}_")} == {f"{span}_{s}" for s in kept}
    wanted = chosen != "off with a rest"
    change(work, "correlation", wanted=wanted)
    assert (optional_indexes(db) == set()) == (not wanted)
    assert partition_faults(db) == []
    assert_sound(db)


@pytest.mark.parametrize("step", [1, 2, 3, 30])
def test_partitions_made_during_a_build_follow(db: Connection, connect: Connect, step: int) -> None:
    """Between two steps of the plan new months come, and the overflow becomes a span under another name."""
    clock = Clock(connect)
    now = month_after(overflow_start(db), 1)
    append_many(clock.connect(now), "s", 3, metadata=Jsonb({"correlation_id": "c"}))
    lines: list[str] = []
    made: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        if len(lines) == step:
            made.extend(row["action"] for row in create_next(clock.connect(now)))

    change(connect(), "correlation", wanted=True, report=report)
    assert {"attach_span", "create_month"} <= set(made)
    assert_on(db)
    assert_sound(db)
    assert value(db, "select count(*) from esdb.read_correlated('c')") == 3


def test_an_index_disabled_behind_the_back_ends_the_run(db: Connection, connect: Connect) -> None:
    def report(_: str) -> None:
        db.execute("select esdb._want_optional_index('streams', false)")

    with pytest.raises(CliError, match="disabled meanwhile"):
        change(connect(), "streams", wanted=True, report=report)
    assert state(db, "streams")[0] == "off"


def test_what_cannot_be_made_right_ends_the_run(db: Connection, connect: Connect) -> None:
    """An index that never is as it must be would be dropped and built for ever."""
    db.execute("""
        create function public.spoil() returns event_trigger language plpgsql as $$
        begin
            alter index if exists esdb.streams_type set (fillfactor = 50);
        end $$;
        create event trigger spoil on ddl_command_end when tag in ('CREATE INDEX') execute function public.spoil();
    """)
    with pytest.raises(CliError, match="although it was made just now: streams_type"):
        change(connect(), "streams", wanted=True)
    db.execute("drop event trigger spoil")
    change(connect(), "streams", wanted=True)
    assert state(db, "streams")[0] == "on"


def test_a_session_is_left_as_it_was(connect: Connect) -> None:
    connection = connect()
    settings = (
        "select current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('search_path')"
    )
    before = connection.execute(settings).fetchone()
    change(connection, "streams", wanted=True)
    with pytest.raises(psycopg.Error):
        change(connection, "nothing", wanted=True)
    assert connection.execute(settings).fetchone() == before
    assert (
        value(connection, "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'") == 0
    )


def test_a_search_path_with_traps_is_not_followed(db: Connection, esdb: Esdb) -> None:
    db.execute("""
        create function public."left"(text, integer) returns text immutable language sql as $$ select 'trapped' $$;
    """)
    trapped = {"PGOPTIONS": "-c search_path=public,pg_catalog"}
    for command in (["indexes", "enable", "correlation"], ["partitions", "create-next", "--months", "5"]):
        result = esdb(*command, env=trapped)
        assert result.returncode == 0, result.stderr
    assert_on(db)
