"""`esdb schedule`: what it renders is read as cron and systemd read it, and run with what they give to a job."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests import tools
from tests.databases import COMMAND_TIMEOUT, environment, esdb_program, run_esdb
from tests.feed_support import append, value
from tests.fixtures import Connection, NewServer
from tests.tools import ROOT

HOSTILE = 'it\'s 100% "a" $HOME; x & #1'
URL = "postgresql://shop_owner@localhost/shop"
MINIMAL = {"HOME": "/", "LOGNAME": "nobody", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
"""What cron gives to a job; a service of the system gets no more."""
JOBS = ("maintain", "nightly", "verify")


@dataclass
class Crontab:
    """A crontab as cron reads it: variables, and jobs as their times, user and command."""

    has_users: bool
    variables: dict[str, str] = field(default_factory=dict)
    jobs: list[tuple[str, str | None, str]] = field(default_factory=list)

    def read(self, text: str) -> Crontab:
        assert text.endswith("\n")
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            if variable := re.fullmatch(r"([A-Z_]+)=(.*)", line):
                self.variables[variable[1]] = self._unquoted(variable[2])
            else:
                self._read_job(line)
        return self

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.variables["SHELL"], "-c", command], env={**MINIMAL, **self.variables}, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            timeout=COMMAND_TIMEOUT,
        )  # fmt: skip

    def _read_job(self, line: str) -> None:
        parts = line.split(" ", 6 if self.has_users else 5)
        times = " ".join(parts[:5])
        assert re.fullmatch(r"(\*|\*/\d+|\d+)( (\*|\d+)){4}", times), line
        # cron ends the command at a percent sign, unless a backslash stands before it
        assert not re.search(r"(?<!\\)%", parts[-1]), line
        self.jobs.append((times, parts[5] if self.has_users else None, parts[-1].replace("\\%", "%")))

    @staticmethod
    def _unquoted(text: str) -> str:
        text = text.strip()
        return text[1:-1] if text[:1] in {"'", '"'} and text[:1] == text[-1:] else text


@dataclass
class Unit:
    """A service as systemd reads it."""

    command: list[str]
    variables: dict[str, str]
    settings: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> Unit:
        settings: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            assert re.fullmatch(r"|#.*|\[(Unit|Service|Timer|Install)\]|[A-Z]\w+=.*[^\\ ]|CapabilityBoundingSet=", line)
            if line[:1].isalpha():
                name, _, text = line.partition("=")
                # a percent sign begins a specifier, doubled it is one
                assert name == "OnFailure" or not re.search("%", text.replace("%%", "")), line
                settings.setdefault(name, []).append(text.replace("%%", "%"))
        program, *arguments = shlex.split(settings.get("ExecStart", ["x"])[0])
        assert not any("$" in argument.replace("$$", "") for argument in arguments)
        variables = dict(shlex.split(text)[0].split("=", 1) for text in settings.get("Environment", []))
        for name in settings.get("EnvironmentFile", []):
            variables |= dict(shlex.split(line)[0].split("=", 1) for line in Path(name).read_text().splitlines())
        return cls([program, *(argument.replace("$$", "$") for argument in arguments)], variables, settings)

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command, env={**MINIMAL, **self.variables}, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT,
        )  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The command under a path with all that means something somewhere."""
    folder = tmp_path / HOSTILE.translate({ord("'"): None, ord('"'): None})
    folder.mkdir()
    (folder / "esdb").symlink_to(esdb_program())
    return folder / "esdb"


@pytest.fixture
def service_file(tmp_path: Path, db_url: str) -> Path:
    """A service file of libpq's with an entry of a hostile name for the test's database."""
    parts = psycopg.conninfo.conninfo_to_dict(db_url)
    path = tmp_path / f"{HOSTILE}.conf"
    path.write_text("\n".join([f"[{HOSTILE}]", *(f"{name}={found}" for name, found in parts.items()), ""]))
    return path


def schedule(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_esdb("schedule", *arguments, url=None)


def rendered(*arguments: str) -> str:
    result = schedule(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def services(folder: Path, *arguments: str, name: str = "esdb") -> dict[str, Unit]:
    """Write units, have systemd verify them, and give the services."""
    folder.mkdir(exist_ok=True)
    listed = rendered("systemd", *arguments, "--name", name, "--output", str(folder)).splitlines()
    files = [folder / f"{name}-{job}.{kind}" for job in JOBS for kind in ("service", "timer")]
    assert sorted(map(Path, listed)) == sorted(files) == sorted(folder.iterdir())
    assert tools.verify_units(files) == ""
    return {job: Unit.read(folder / f"{name}-{job}.service") for job in JOBS}


def prepare(db: Connection) -> None:
    """Leave something to do for each of the maintenance's jobs."""
    append(db, "s")
    db.execute("drop table esdb.events_note_overflow")


def assert_done(db: Connection) -> None:
    assert value(db, "select count(*) from esdb.event_statistics") == 1
    assert value(db, "select to_regclass('esdb.events_note_overflow') is not null")


def ways(way: str, db_url: str, service_file: Path) -> list[str]:
    """Give the options that say where the database is."""
    if way == "url":
        return ["--database-url", db_url]
    if way == "service":
        return ["--service", HOSTILE, "--service-file", str(service_file)]
    file = service_file.with_name("it's 100% $HOME.env")
    file.write_text(f"ESDB_DATABASE_URL='{db_url}'\n")
    return ["--environment-file", str(file)]


@pytest.mark.parametrize("way", ["url", "service", "file"])
def test_the_lines_of_a_crontab_do_their_jobs(
    db: Connection, db_url: str, program: Path, service_file: Path, way: str
) -> None:
    prepare(db)
    text = rendered("cron", "--esdb", str(program), *ways(way, db_url, service_file))
    crontab = Crontab(has_users=False).read(text)
    for _, _, command in crontab.jobs:
        result = crontab.run(command)
        assert (result.returncode, result.stdout) == (0, "")
    assert_done(db)


@pytest.mark.parametrize("way", ["url", "service", "file"])
def test_the_units_are_valid_and_do_their_jobs(
    db: Connection, db_url: str, program: Path, service_file: Path, tmp_path: Path, way: str
) -> None:
    prepare(db)
    units = services(tmp_path / "units", "--esdb", str(program), *ways(way, db_url, service_file))
    for unit in units.values():
        result = unit.run()
        assert result.returncode == 0, result.stdout + result.stderr
        assert "DynamicUser" in unit.settings
    assert_done(db)


def test_a_program_behind_quotes_is_run_by_cron(db_url: str, tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE
    folder.mkdir()
    (folder / "esdb").symlink_to(esdb_program())
    crontab = Crontab(has_users=False).read(rendered("cron", "--esdb", f"{folder}/esdb", "--database-url", db_url))
    assert crontab.run(crontab.jobs[0][2]).returncode == 0


def test_a_failure_is_told_and_success_is_not() -> None:
    crontab = Crontab(has_users=False).read(rendered("cron", "--database-url", "postgresql://a@/b?host=/nonexistent"))
    for _, _, command in crontab.jobs:
        result = crontab.run(command)
        assert result.returncode == 5
        assert "cannot connect to the database" in result.stdout


def test_to_be_locked_out_is_a_failure_of_the_nightly_job_alone(tmp_path: Path) -> None:
    fake = tmp_path / "esdb"
    fake.write_text("#!/bin/sh\necho locked out\nexit 4\n")
    fake.chmod(0o755)
    options = ["--database-url", URL, "--esdb", str(fake)]
    crontab = Crontab(has_users=False).read(rendered("cron", *options))
    results = [crontab.run(command) for _, _, command in crontab.jobs]
    assert [result.stdout for result in results] == ["", "locked out\n", "locked out\n"]
    units = services(tmp_path / "units", *options)
    assert [unit.settings.get("SuccessExitStatus") for unit in units.values()] == [["4"], None, None]


def test_a_missing_environment_file_is_told() -> None:
    crontab = Crontab(has_users=False).read(rendered("cron", "--environment-file", "/nonexistent/env"))
    result = crontab.run(crontab.jobs[0][2])
    assert result.returncode != 0
    assert "/nonexistent/env" in result.stdout


def test_the_password_is_found_and_never_written(new_server: NewServer, tmp_path: Path) -> None:
    server = new_server(durable=False, host="127.0.0.1", host_auth="scram-sha-256")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create role shop_owner superuser login password 's3cret'")
    url = server.url(user="shop_owner", tcp=True)
    assert run_esdb("migrate", url=server.url()).returncode == 0
    passfile = tmp_path / "pass%word"
    passfile.write_text(f"127.0.0.1:{server.port}:*:shop_owner:s3cret\n")
    passfile.chmod(0o600)
    options = ["--database-url", url, "--passfile", str(passfile)]
    crontab = Crontab(has_users=False).read(rendered("cron", *options))
    result = crontab.run(crontab.jobs[2][2])
    assert (result.returncode, result.stdout) == (0, "")
    assert services(tmp_path / "units", *options, "--esdb", str(esdb_program()))["verify"].run().returncode == 0
    refused = schedule("cron", "--database-url", url.replace("@", ":s3cret@"))
    assert refused.returncode == 2
    assert "s3cret" not in refused.stdout + refused.stderr
    assert "--environment-file" in refused.stderr


def test_the_times_are_those_asked_for(tmp_path: Path) -> None:
    options = ["--database-url", URL, "--esdb", str(esdb_program()), "--user", "shop"]

    def times(*more: str) -> list[str]:
        crontab = Crontab(has_users=True).read(rendered("cron", *options, *more))
        assert {user for _, user, _ in crontab.jobs} == {"shop"}
        return [job[0] for job in crontab.jobs]

    assert times() == ["*/5 * * * *", "7 3 * * *", "37 3 * * 0"]
    assert times("--every", "1", "--at", "23:40") == ["* * * * *", "40 23 * * *", "10 0 * * 1"]
    assert times("--every", "60", "--at", "00:00") == ["0 * * * *", "0 0 * * *", "30 0 * * 0"]
    for every, at, calendars in (
        ("5", "03:07", ["*:0/5", "*-*-* 03:07", "Sun *-*-* 03:37"]),
        ("1", "23:40", ["*:0/1", "*-*-* 23:40", "Mon *-*-* 00:10"]),
        ("60", "00:00", ["*:00", "*-*-* 00:00", "Sun *-*-* 00:30"]),
    ):
        folder = tmp_path / every
        services(folder, *options, "--every", every, "--at", at)
        timers = [Unit.read(folder / f"esdb-{job}.timer").settings for job in JOBS]
        assert [timer["OnCalendar"] for timer in timers] == [[calendar] for calendar in calendars]
        assert all(timer["Persistent"] == ["true"] and timer["RandomizedDelaySec"] for timer in timers)


def test_users_failures_and_mail(tmp_path: Path) -> None:
    options = ["--database-url", URL, "--esdb", str(esdb_program())]
    unit = services(tmp_path / "u", *options, "--user", "daemon", "--on-failure", "notify@%n.service", name="shop")[
        "verify"
    ]
    assert unit.settings["User"] == ["daemon"]
    assert unit.settings["OnFailure"] == ["notify@%n.service"]
    assert "DynamicUser" not in unit.settings
    assert "OnFailure" not in services(tmp_path / "v", *options)["verify"].settings
    crontab = Crontab(has_users=False).read(rendered("cron", *options, "--mailto", "a@example.org"))
    assert crontab.variables == {"SHELL": "/bin/sh", "MAILTO": "a@example.org", "ESDB_DATABASE_URL": URL}


def test_a_fault_in_a_unit_would_be_noticed(tmp_path: Path) -> None:
    services(tmp_path, "--database-url", URL, "--esdb", str(esdb_program()))
    for name, before, after in (
        ("esdb-verify.service", "UMask=", "UMaks="),
        ("esdb-verify.timer", "OnCalendar=Sun", "OnCalendar=Sundry"),
        ("esdb-maintain.service", 'ExecStart="/', 'ExecStart="/nonexistent/'),
    ):
        file = tmp_path / name
        file.write_text(file.read_text().replace(before, after))
        assert tools.verify_units([file]) != ""


def test_units_that_differ_are_kept_unless_forced(tmp_path: Path) -> None:
    options = ["systemd", "--database-url", URL, "--esdb", str(esdb_program()), "--output", str(tmp_path)]
    rendered(*options)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in tmp_path.iterdir())
    rendered(*options)
    mine = tmp_path / "esdb-verify.timer"
    mine.write_text("mine")
    (tmp_path / "esdb-maintain.timer").unlink()
    refused = schedule(*options)
    assert refused.returncode == 1
    assert "esdb-verify.timer" in refused.stderr
    assert "--force" in refused.stderr
    assert mine.read_text() == "mine"
    assert not (tmp_path / "esdb-maintain.timer").exists()
    dry = rendered(*options, "--force", "--dry-run")
    assert [line for line in dry.splitlines() if line.startswith("# /")] == [
        f"# {tmp_path}/esdb-maintain.timer",
        f"# {mine}",
    ]
    assert mine.read_text() == "mine"
    rendered(*options, "--force")
    assert f"# {mine}\n{mine.read_text()}" in dry
    assert rendered(*options, "--dry-run") == ""
    printed = rendered(*options[:-2])
    for path in tmp_path.iterdir():
        assert f"# /etc/systemd/system/{path.name}\n{path.read_text()}" in printed


def test_units_are_written_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / ".esdb-verify.timer.new").mkdir()
    refused = schedule("systemd", "--database-url", URL, "--esdb", str(esdb_program()), "--output", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr == f"esdb: {tmp_path}/.esdb-verify.timer.new: Is a directory\n"
    assert [path.name for path in tmp_path.iterdir()] == [".esdb-verify.timer.new"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cron"], "no database given"),
        (["cron", "--database-url", URL, "--service", "shop"], "Give one of"),
        (["cron", "--database-url", URL, "--service-file", "/etc/x"], "only with --service"),
        (["cron", "--database-url", "postgresql://a:b@c@d/e"], "cannot be read"),
        (["cron", "--database-url", f"{URL}\nX=1"], "--database-url"),
        (["cron", "--service", "a\rb"], "--service"),
        (["cron", "--service", "' \""], "use --environment-file"),
        (["cron", "--service", "x" * 1000], "too long"),
        (["cron", "--database-url", URL, "--user", "a b"], "'a b' is no user"),
        (["cron", "--database-url", URL, "--user", "root\n* * * * * root x"], "is no user"),
        (["cron", "--database-url", URL, "--mailto", "a\nb=c"], "--mailto"),
        (["cron", "--database-url", URL, "--esdb", "esdb"], "'esdb' is no absolute path"),
        (["cron", "--database-url", URL, "--esdb", "/a\\b/esdb"], "backslash"),
        (["cron", "--database-url", URL, "--every", "7"], "--every"),
        (["cron", "--database-url", URL, "--at", "24:00"], "--at"),
        (["systemd", "--database-url", URL, "--esdb", "/it's/esdb"], "a quote or a backslash"),
        (["systemd", "--environment-file", "/etc/*.env", "--esdb", "/usr/bin/esdb"], "--environment-file"),
        (["systemd", "--environment-file", "/etc/x\n[Service]"], "--environment-file"),
        (["systemd", "--database-url", URL, "--name", "../x"], "--name"),
        (["systemd", "--database-url", URL, "--on-failure", "x"], "--on-failure"),
        (["systemd", "--database-url", URL, "--esdb", "/home/me/bin/esdb"], "lies in a home"),
        (["systemd", "--service", "shop", "--passfile", "/root/.pgpass"], "lies in a home"),
        (["systemd", "--database-url", URL, "--output", "/nonexistent"], "--output"),
    ],
    ids=range(23),
)
def test_what_cannot_be_written_down_is_refused(arguments: list[str], message: str) -> None:
    result = schedule(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


def test_it_needs_no_database_and_none_of_the_environment(tmp_path: Path) -> None:
    result = run_esdb("schedule", "cron", url="postgresql://a:s3cret@h/b", cwd=tmp_path)
    assert result.returncode == 2
    assert "s3cret" not in result.stdout + result.stderr
    local = run_esdb("--local", "schedule", "cron", "--database-url", URL, url=None, cwd=tmp_path)
    assert local.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_the_commands_own_path_is_found(tmp_path: Path) -> None:
    (tmp_path / "esdb").symlink_to("/bin/true")
    for command in ([str(esdb_program())], [sys.executable, "-m", "esdb_cli"]):
        env = environment(None)
        env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
        result = subprocess.run(
            [*command, "schedule", "cron", "--database-url", URL],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"$({esdb_program()} maintain" in result.stdout
