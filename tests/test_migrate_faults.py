"""Migrations that are killed at any point, and many at once."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter

import psycopg
import pytest

from esdb_cli.errors import CliError
from esdb_cli.migrations import Migrator
from esdb_cli.package import Package
from esdb_cli.partitions import create_next
from esdb_cli.verification import faults
from tests.databases import Databases, run_esdb, start_esdb
from tests.fixtures import Connection, Esdb

DEADLINE = 30.0

# A hook behind every DDL command: at one of them, counted outside transactions, it does what a test wants.
HOOK = """
create schema hook;
create sequence hook.commands;
create function hook.fire() returns event_trigger language plpgsql set search_path = '' as $$
begin
    if nextval('hook.commands') = {number} then
        perform {action};
    end if;
end $$;
create event trigger hook on ddl_command_end execute function hook.fire();
"""
SLEEP = "pg_sleep(600)"
TERMINATE = "pg_terminate_backend(pg_backend_pid())"


def set_hook(connection: Connection, number: int, action: str) -> None:
    connection.execute(HOOK.format(number=number, action=action))


def is_terminated(url: str) -> bool:
    """Migrate; tell whether the hook ended it."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            Migrator(connection).migrate()
            create_next(connection)
        except (CliError, psycopg.OperationalError):
            if not connection.broken:
                raise
            return True
    return False


def sleeping_backend(connection: Connection, process: subprocess.Popen[str]) -> int:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        row = connection.execute(
            "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
        ).fetchone()
        if row:
            return int(row[0])
        time.sleep(0.01)
    pytest.fail(f"the migration never came to the point: {process.communicate()}")


def assert_completed(connection: Connection) -> None:
    Migrator(connection).migrate()
    create_next(connection)
    assert faults(connection) == []
    assert Migrator(connection).migrate() == []
    assert {state.state for state in Migrator(connection).states()} == {"applied"}
    log = connection.execute("select migration_id, count(*) from esdb_meta._yoyo_log group by 1").fetchall()
    assert sorted(log) == sorted((migration.id, 1) for migration in Package.read().migrations)
    connection.execute("select esdb.append_event('a-1', 'Made', '{}', bounded_context => 'b', group_context => 'm')")


@pytest.fixture(scope="session")
def commands(databases: Databases) -> int:
    """How many DDL commands a whole migrate gives."""
    url = databases.empty()
    with psycopg.connect(url, autocommit=True) as connection:
        set_hook(connection, 0, SLEEP)
        assert run_esdb("migrate", url=url).returncode == 0
        row = connection.execute("select pg_sequence_last_value('hook.commands')").fetchone()
    databases.drop(url)
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.8, 1.0])
def test_a_killed_migrate_is_completed_by_the_next(
    empty_db: Connection, empty_db_url: str, commands: int, part: float
) -> None:
    set_hook(empty_db, 1 + int(part * (commands - 1)), SLEEP)
    process = start_esdb("migrate", url=empty_db_url)
    backend = sleeping_backend(empty_db, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    # its backend would notice after the sleep
    empty_db.execute("select pg_terminate_backend(%s, 30000)", (backend,))
    assert_completed(empty_db)


def test_killed_again_and_again_it_is_completed_at_last(empty_db: Connection, empty_db_url: str) -> None:
    last = 10_000
    set_hook(empty_db, last, TERMINATE)
    kills = 0
    while kills == 0 or is_terminated(empty_db_url):
        kills += 1
        # each run comes some commands further than the one before, whatever that one left
        empty_db.execute("select setval('hook.commands', %s)", (last - 8 * kills,))
    # more often than there are transactions, so inside each of them
    assert kills > len(Package.read().migrations) + 2
    assert_completed(empty_db)


def test_while_a_killed_client_s_backend_lives_on_the_next_waits_for_it(
    empty_db: Connection, empty_db_url: str, esdb: Esdb
) -> None:
    set_hook(empty_db, 3, SLEEP)
    process = start_esdb("migrate", url=empty_db_url)
    backend = sleeping_backend(empty_db, process)
    process.kill()
    process.communicate(timeout=DEADLINE)
    assert esdb("migrate", "--wait", "0.1", url=empty_db_url).returncode == 4
    empty_db.execute("select pg_terminate_backend(%s, 30000)", (backend,))
    assert_completed(empty_db)


@pytest.mark.parametrize("part", [0.5])
def test_a_terminated_backend_is_one_line_and_the_next_run_completes(
    empty_db: Connection, empty_db_url: str, esdb: Esdb, commands: int, part: float
) -> None:
    set_hook(empty_db, 1 + int(part * commands), TERMINATE)
    result = esdb("migrate", url=empty_db_url)
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("esdb: ")]
    assert "terminating connection" in line
    assert "Traceback" not in result.stderr
    assert_completed(empty_db)


def test_twenty_at_once_all_succeed_and_apply_once(empty_db: Connection, empty_db_url: str) -> None:
    processes = [start_esdb("migrate", url=empty_db_url) for _ in range(20)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 20, outputs
    applied = Counter(line for _, stderr in outputs for line in stderr.splitlines() if line.startswith("applied "))
    assert applied == Counter(f"applied {file.id}" for file in Package.read().files)
    log = empty_db.execute("select migration_id, count(*) from esdb_meta._yoyo_log group by 1").fetchall()
    assert sorted(log) == sorted((migration.id, 1) for migration in Package.read().migrations)
