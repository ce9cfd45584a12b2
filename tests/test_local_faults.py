"""`esdb --local` when something is killed, moved, copied, started twice or out of room."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from esdb_cli import server_process
from tests.fixtures import bindir
from tests.local_support import Place, new_place, until
from tests.tools import processes_in

NEW = ("--context", "b", "--group", "m")


@pytest.fixture
def place(servers_folder: Path) -> Iterator[Place]:
    """A folder of our own."""
    with new_place(servers_folder) as found:
        yield found


@pytest.fixture
def store(place: Place) -> Place:
    """A folder whose server holds one event."""
    place.ok("--local", "migrate")
    place.ok("--local", "append", "s", "Made", "{}", *NEW)
    return place


def versions(place: Place) -> list[int]:
    return [json.loads(line)["version"] for line in place.ok("--local", "read", "s", "--json").splitlines()]


def leavings(place: Place) -> list[Path]:
    return list((place.path / ".esdb").glob("data.*"))


def test_what_was_appended_survives_a_kill_of_everything(store: Place) -> None:
    before = store.pid()
    server_process.kill9(before)
    until(lambda: processes_in(store.path) == [])
    assert (store.data / "postmaster.pid").exists()
    assert json.loads(store.run("local", "status", "--json").stdout)["state"] == "stopped"
    assert versions(store) == [1]
    assert store.pid() != before


def test_the_last_processes_of_a_killed_server_are_waited_for(store: Place) -> None:
    with psycopg.connect(store.ok("local", "start"), autocommit=True) as connection:
        backend = connection.info.backend_pid
        # it cannot notice that its server has died, until it goes on
        os.kill(backend, signal.SIGSTOP)
        server = store.pid()
        os.kill(server, signal.SIGKILL)
        until(lambda: not server_process.is_alive(server))
        again = store.start("--local", "read", "s", "--json")
        refused = store.path / ".esdb" / "log"
        until(lambda: "shared memory block" in refused.read_text())
        os.kill(backend, signal.SIGCONT)
        output, errors = again.communicate(timeout=60)
        assert again.returncode == 0, errors
        assert json.loads(output)["version"] == 1


def test_an_id_that_another_process_has_now_is_no_server(store: Place) -> None:
    server_process.kill9(store.pid())
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        file = store.data / name
        lines = file.read_text().split("\n")
        file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert store.run("local", "stop").stderr == "the server was not running\n"
    assert versions(store) == [1]
    assert store.pid() != os.getpid()


def test_a_server_that_was_started_by_other_means_is_left_alone(store: Place) -> None:
    store.ok("local", "stop")
    for path in (store.path.parent, store.path, store.path / ".esdb"):
        path.chmod(0o711)
    identity = server_process.unprivileged_identity()
    options = ["-c", "listen_addresses=", "-c", "unix_socket_directories=."]
    programs = server_process.readable_programs(bindir(), identity, lambda: store.path.parent)
    server = server_process.spawn(
        programs / "postgres", "-D", str(store.data), *options, identity=identity, cwd=Path("/")
    )
    assert server_process.wait_until_ready(server, store.data, lambda: False)
    (store.path / ".esdb").chmod(0o700)
    refused = store.run("--local", "read", "s")
    assert refused.returncode == 5
    assert refused.stderr == f"esdb: a server that esdb did not start works on {store.data}: pid {server.pid}\n"
    server.send_signal(signal.SIGINT)
    server.wait(timeout=60)
    assert versions(store) == [1]


def test_commands_that_start_it_at_once_share_one(place: Place) -> None:
    processes = [place.start("local", "start") for _ in range(4)]
    results = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert [code for _, _, code in results] == [0] * 4, results
    assert len({url for url, _, _ in results}) == 1
    said = "".join(errors for _, errors, _ in results)
    assert said.count("started PostgreSQL") == 1
    assert said.count("making a server") == 1


def test_destroying_and_starting_at_once_end_in_a_whole_server_or_none(store: Place) -> None:
    ending = [store.start("local", "destroy", "--yes") for _ in range(2)]
    starting = [store.start("local", "start") for _ in range(2)]
    for process in (*ending, *starting):
        process.communicate(timeout=120)
    assert 0 in [process.returncode for process in ending]
    assert [process.returncode for process in starting] == [0, 0]
    store.ok("--local", "migrate")
    assert [path.name for path in store.path.iterdir()] == [".esdb"]


def test_a_command_killed_while_it_makes_the_data_leaves_nothing_that_is_half(place: Place) -> None:
    process = place.start("local", "start")
    until(lambda: leavings(place))
    process.kill()
    process.communicate()
    # initdb goes on and holds the lock: whoever comes next waits for it
    assert place.ok("local", "start")
    assert leavings(place) == []


def test_a_command_killed_while_the_server_starts_leaves_it_to_the_next(place: Place) -> None:
    place.ok("local", "start")
    place.ok("local", "stop")
    process = place.start("local", "start")
    until((place.data / "postmaster.pid").exists)
    process.kill()
    process.communicate()
    with psycopg.connect(place.ok("local", "start")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("is_new", [True, False])
def test_ctrl_c_while_it_starts_leaves_nothing_running(place: Place, *, is_new: bool) -> None:
    if not is_new:
        place.ok("local", "start")
        server_process.kill9(place.pid())
        (place.data / "postmaster.pid").unlink()
    process = place.start("local", "start")
    until(lambda: leavings(place) if is_new else (place.data / "postmaster.pid").exists())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # the second server may have been ready before the signal came
    assert process.returncode == 130 or (not is_new and "started" in errors), errors
    if process.returncode == 130:
        until(lambda: processes_in(place.path) == [] or (not is_new and place.is_ready()))
    assert (place.path / ".esdb").exists() != is_new
    assert place.ok("local", "start")


def test_no_room_for_the_data_leaves_nothing(place: Place) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        result = place.run("--local", "migrate")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.returncode == 5
    assert "esdb: initdb of " in result.stderr
    assert list(place.path.iterdir()) == []


def test_why_it_does_not_start_is_told(place: Place) -> None:
    place.ok("local", "start")
    place.ok("local", "stop")
    with (place.data / "postgresql.conf").open("a") as file:
        file.write("work_mem = 'much'\n")
    result = place.run("--local", "migrate")
    assert result.returncode == 5
    assert result.stderr.startswith("esdb: the server ended while it started\ndetail: ")
    assert 'invalid value for parameter "work_mem"' in result.stderr


@pytest.mark.parametrize("name", ["y", "y" * 120])
def test_a_folder_can_be_moved_while_its_server_runs(store: Place, name: str) -> None:
    pid = store.pid()
    moved = store.beside(name)
    store.path.rename(moved.path)
    assert versions(moved) == [1]
    assert moved.pid() == pid
    moved.ok("local", "stop")
    assert versions(moved) == [1]
    assert moved.run("local", "stop").stderr == "stopped\n"


def _copy(store: Place, name: str) -> Place:
    """Copy a folder as `cp --archive` does: data that belong to the server's user still do."""
    copy = store.beside(name)
    shutil.copytree(store.path, copy.path, symlinks=True, ignore=shutil.ignore_patterns(".s.*"))
    for path in (store.path, *store.path.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            os.chown(copy.path / path.relative_to(store.path), found.st_uid, found.st_gid)
    return copy


@pytest.mark.parametrize("name", ["x", "x" * 120])
def test_a_copy_is_a_server_of_its_own(servers_folder: Path, name: str) -> None:
    with new_place(servers_folder, name) as store:
        store.ok("--local", "migrate")
        store.ok("--local", "append", "s", "Made", "{}", *NEW)
        store.ok("local", "stop")
        copy = _copy(store, name.replace("x", "y"))
        copy.ok("--local", "append", "s", "Copied", "{}")
        assert versions(store) == [1]
        assert versions(copy) == [1, 2]
        assert store.pid() != copy.pid()
        copy.ok("local", "destroy", "--yes")
        assert versions(store) == [1]


def test_a_copy_made_while_the_server_ran_is_refused(store: Place) -> None:
    copy = _copy(store, "y")

    def assert_refused() -> None:
        refused = copy.run("--local", "read", "s")
        assert refused.returncode == 5
        message, detail = refused.stderr.splitlines()
        assert message == f"esdb: {copy.path}/.esdb is a copy of {store.path}/.esdb, made while its server was running"
        assert "stop the server before you copy" in detail

    assert_refused()
    server_process.kill9(store.pid())
    assert_refused()
    (copy.data / "postmaster.pid").unlink()
    assert versions(copy) == [1]


def test_programs_of_another_version_of_the_data_are_named(place: Place) -> None:
    place.ok("local", "start")
    place.ok("local", "stop")
    (place.data / "PG_VERSION").write_text("9\n")
    result = place.run("--local", "migrate")
    assert result.returncode == 5
    assert result.stderr.startswith("esdb: the data are of PostgreSQL 9, but the programs found are of: ")
    assert str(bindir()) in result.stderr
