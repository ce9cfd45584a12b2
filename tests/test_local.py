"""`esdb --local` and `esdb local`: a server in ./.esdb as its user meets it, and who else may."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from esdb_cli import local
from esdb_cli.errors import CliError
from esdb_cli.local_folder import LocalFolder
from esdb_cli.local_server import KeptServer
from esdb_cli.server_programs import major_version, wheel_bindir
from tests import tools
from tests.databases import COMMAND_TIMEOUT, environment, esdb_program
from tests.fixtures import bindir
from tests.local_support import IS_ROOT, Place, new_place

NEW = ("--context", "b", "--group", "m")
UNKNOWN_USER = 64_321


@pytest.fixture
def place(servers_folder: Path) -> Iterator[Place]:
    """A folder of our own."""
    with new_place(servers_folder) as found:
        yield found


@pytest.fixture(params=["ourselves", "nobody"])
def anyones(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Place]:
    """A folder of our own, and one of a user who is not root."""
    with new_place(servers_folder, as_nobody=request.param == "nobody") as found:
        yield found


def _connects(path: Path, uid: int) -> bool:
    """Tell whether a user reaches a socket."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_day_with_it(anyones: Place) -> None:
    first = anyones.run("--local", "migrate")
    assert first.returncode == 0, first.stderr
    assert "started PostgreSQL" in first.stderr
    appended = anyones.run("--local", "append", "s", "Made", '{"a": 1}', *NEW)
    assert (appended.returncode, appended.stderr) == (0, "")
    assert json.loads(anyones.ok("--local", "read", "s", "--json"))["payload"] == {"a": 1}
    assert anyones.ok("local", "psql", "-X", "-At", "-c", "show fsync; show listen_addresses") == "on"
    assert anyones.ok("local", "psql", "-XAt", "-d", "postgres", "-c", "select current_database()") == "postgres"

    shown = json.loads(anyones.ok("local", "status", "--json"))
    assert (shown["state"], shown["folder"]) == ("running", str(anyones.path / ".esdb"))
    assert os.getsid(shown["pid"]) == shown["pid"]
    assert f"pid      {shown['pid']}\n" in anyones.ok("local", "status")
    assert anyones.ok("local", "start") == shown["url"]

    assert anyones.run("local", "stop").stderr == "stopped\n"
    assert anyones.run("local", "stop").stderr == "the server was not running\n"
    stopped = anyones.run("local", "status", "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (3, "stopped")
    assert '"version": 1' in anyones.ok("--local", "info", "s", "--json").replace("'", '"')

    assert anyones.run("local", "destroy").returncode == 2
    assert anyones.ok("local", "destroy", "--dry-run").startswith("would stop the server (pid ")
    assert (anyones.path / ".esdb").exists()
    anyones.ok("local", "destroy", "--yes")
    assert list(anyones.path.iterdir()) == []
    assert tools.processes_in(anyones.path) == []


def test_nobody_else_may_enter(anyones: Place) -> None:
    anyones.ok("local", "start")
    for path in (anyones.path / ".esdb", anyones.data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert (anyones.path / ".esdb" / ".gitignore").read_text() == "*\n"
    # what lies above the folder lets everybody in, the folder itself does not
    for path in (anyones.path.parent, anyones.path):
        path.chmod(0o755)
    server_socket = anyones.data / ".s.PGSQL.5432"
    assert stat.S_IMODE(server_socket.stat().st_mode) == 0o700
    if IS_ROOT:
        assert _connects(server_socket, 0)
        assert not _connects(server_socket, UNKNOWN_USER)
        is_nobodys = anyones.path.stat().st_uid != 0
        assert _connects(server_socket, pwd.getpwnam("nobody").pw_uid) == is_nobodys


def test_without_any_setting_nothing_is_made(place: Place) -> None:
    for arguments in (["migrate"], ["maintain"], ["read", "--all"]):
        result = place.run(*arguments)
        assert result.returncode == 2
        assert result.stderr.startswith("esdb: no database given\nhint: use --database-url ")
        assert "`esdb --local …`" in result.stderr
    for arguments in (["local", "stop"], ["local", "psql"], ["local", "destroy", "--yes"]):
        result = place.run(*arguments)
        assert result.returncode == 1
        assert result.stderr.startswith(f"esdb: there is no {place.path}/.esdb\nhint: `esdb local start` makes one")
    assert place.run("local", "status").returncode == 3
    assert list(place.path.iterdir()) == []


def test_it_goes_before_the_environment_and_beside_no_other_choice(place: Place) -> None:
    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    variables = {
        "ESDB_DATABASE_URL": nowhere, "PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGSERVICE": "none",
        "PGOPTIONS": "-c no_such_setting=1",
    }  # fmt: skip
    place.ok("--local", "migrate", **variables)
    assert place.ok("local", "psql", "-XAtc", "select current_user", **variables) == "postgres"
    for arguments, message in (
        (["--local", "read", "--all", "--database-url", nowhere], "either --local or --database-url"),
        (["--local", "demo"], "not for `demo`"),
        (["--local", "local", "stop"], "not for `local`"),
    ):
        result = place.run(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr


def test_other_commands_use_its_url(place: Place) -> None:
    script = "export ESDB_DATABASE_URL=$(esdb local start) && esdb migrate && cd / && esdb status --check"
    env = environment(None, {"ESDB_PG_BINDIR": str(bindir())})
    env["PATH"] = f"{esdb_program().parent}{os.pathsep}{env['PATH']}"
    result = subprocess.run(
        ["sh", "-c", script],
        cwd=place.path,
        env=env,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "name", ['it\'s "a" ünï % $x ; b', "a, b", "line\nfeed", "x" * 120, os.fsdecode(b"\xff")], ids=range(5)
)
def test_no_name_of_a_folder_is_in_the_way(servers_folder: Path, name: str) -> None:
    with new_place(servers_folder, name) as place:
        url = place.ok("local", "start")
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_database()").fetchone() == ("esdb",)
        assert place.ok("local", "psql", "-XAtc", "select 1") == "1"
        private = Path(LocalFolder(place.path / ".esdb").recall().private)
        # the link is found missing, and made anew
        if private != Path():
            (private / "data").unlink()
        assert place.ok("local", "start") == url
        with psycopg.connect(url):
            place.ok("local", "destroy", "--yes")
        assert private == Path() or not private.exists()


def test_a_private_folder_that_is_anothers_is_not_used(servers_folder: Path) -> None:
    with new_place(servers_folder, "x" * 120) as place:
        url = place.ok("local", "start")
        private = Path(LocalFolder(place.path / ".esdb").recall().private)
        private.chmod(0o777)
        other = place.ok("local", "start")
        private.joinpath("data").unlink()
        private.rmdir()
        assert other != url
        with psycopg.connect(other):
            place.ok("local", "destroy", "--yes")


def test_destroying_asks(place: Place) -> None:
    place.ok("local", "start")
    for answer, remains in (("n", True), ("y", False)):
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        result = subprocess.run(
            [esdb_program(), "local", "destroy"], cwd=place.path, env=environment(None), stdin=theirs,
            capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False,
        )  # fmt: skip
        os.close(ours)
        os.close(theirs)
        assert f"Remove {place.path}/.esdb with all events in it? [y/N]" in result.stderr
        assert (result.returncode, place.data.exists()) == (int(remains), remains)


def test_what_is_not_its_folder_is_left_alone(place: Place) -> None:
    folder = place.path / ".esdb"
    folder.write_text("mine")
    for arguments in (["--local", "migrate"], ["local", "start"], ["local", "destroy", "--yes"], ["local", "status"]):
        assert place.run(*arguments).stderr == f"esdb: {folder} is not a folder\n"
    folder.unlink()
    folder.symlink_to("/nonexistent")
    for arguments in (["--local", "migrate"], ["local", "start"], ["local", "destroy", "--yes"], ["local", "status"]):
        assert place.run(*arguments).stderr == f"esdb: {folder} is a link that leads nowhere\n"
    folder.unlink()
    folder.mkdir(0o700)
    (folder / "notes").write_text("mine")
    for arguments in (["--local", "migrate"], ["local", "start"], ["local", "destroy", "--yes"]):
        result = place.run(*arguments)
        assert result.returncode == 5
        assert result.stderr == f"esdb: {folder} is no folder of a server of esdb's: it holds notes\n"
    assert [path.name for path in folder.iterdir()] == ["notes"]
    folder.chmod(0o755)
    assert "chmod 700 .esdb" in place.run("local", "start").stderr
    folder.chmod(0o700)
    if IS_ROOT:
        os.chown(folder, UNKNOWN_USER, UNKNOWN_USER)
        assert f"belongs to the user {UNKNOWN_USER}\n" in place.run("local", "start").stderr


def test_a_stranger_in_a_server_in_use_stays(place: Place) -> None:
    place.ok("local", "start")
    (place.path / ".esdb" / "notes").write_text("mine")
    assert place.run("local", "destroy", "--yes").returncode == 5
    assert place.ok("local", "start")


def test_a_folder_that_may_not_be_written_is_told(servers_folder: Path) -> None:
    with new_place(servers_folder, as_nobody=True) as place:
        place.path.chmod(0o500)
        result = place.run("--local", "migrate")
        place.path.chmod(0o700)
    assert (result.returncode, result.stderr) == (5, f"esdb: {place.path}/.esdb cannot be made: Permission denied\n")


def test_a_current_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for command in ("local start", "local status", "--local migrate"):
        script = f"rmdir {shlex.quote(str(gone))}; exec {shlex.quote(str(esdb_program()))} {command}"
        result = subprocess.run(["/bin/sh", "-c", script], cwd=gone, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "esdb: the current folder is not there any more\n" in result.stderr
        gone.mkdir()


def test_data_of_another_version_keep_their_programs(place: Place) -> None:
    version = next(number for number in tools.SERVER_PACKAGES if number != major_version(bindir()))
    programs = str(tools.server_bindir(version))
    place.ok("local", "start", ESDB_PG_BINDIR=programs)
    place.ok("local", "stop")
    # remembered, where nothing else is asked for
    place.ok("local", "start", ESDB_PG_BINDIR="")
    assert json.loads(place.ok("local", "status", "--json"))["version"] == version
    assert place.ok("local", "psql", "-XAtc", "show server_version_num").startswith(str(version))
    place.ok("local", "stop")
    refused = place.run("--local", "migrate", ESDB_PG_BINDIR=str(bindir()))
    assert refused.returncode == 5
    message, advice = refused.stderr.splitlines()
    assert f"of PostgreSQL {version}, but the programs found are of: {major_version(bindir())} ({bindir()})" in message
    assert f"install PostgreSQL {version}" in advice


def test_programs_in_a_home_are_copied_where_the_server_may_run_them(place: Place) -> None:
    wheel = wheel_bindir()
    assert wheel is not None
    package = wheel.parent.parent
    home = place.path / "site-packages"
    shutil.copytree(wheel.parent, home / package.name / wheel.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name, symlinks=True)
    programs = str(home / package.name / wheel.parent.name / wheel.name)
    # nor does the server's user reach this temporary folder
    place.ok("local", "start", ESDB_PG_BINDIR=programs, TMPDIR=str(place.path))
    place.ok("local", "stop")
    private = LocalFolder(place.path / ".esdb").recall().private
    assert bool(private) == IS_ROOT
    if private:
        # as a temporary folder is cleaned up
        shutil.rmtree(private)
    place.ok("local", "start", ESDB_PG_BINDIR="")
    assert json.loads(place.ok("local", "status", "--json"))["version"] == major_version(wheel)
    place.ok("local", "destroy", "--yes")


@pytest.mark.parametrize("group", ["local", "schedule"])
def test_no_command_has_its_help_cut(group: str, tmp_path: Path) -> None:
    shown = subprocess.run([esdb_program(), group, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "..." not in shown.stdout.partition("Commands:")[2]


def test_without_psql_it_says_what_to_install(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(local, "wheel_bindir", lambda: None)
    with pytest.raises(CliError, match="no psql") as error:
        local._psql(KeptServer(LocalFolder(place.path)))
    assert "apt-get install postgresql-client" in str(error.value.hint)
