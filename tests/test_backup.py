"""Backups of a store in full use, restored: whole, and everything goes on, as the page on backups says."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from esdb_cli.server import LocalServer
from esdb_cli.server_programs import major_version
from tests import tools
from tests.backup_support import (
    Busy,
    Moment,
    Outside,
    commands_of_page,
    file_of_page,
    goes_on,
    is_whole,
    settings_of_page,
    succeed,
)
from tests.databases import Databases
from tests.epoch_support import refused
from tests.feed_support import Crew, Seen, append, append_many, read_all, stored, until, value
from tests.fixtures import Connection, bindir
from tests.standby import (
    Servers,
    connected,
    give_to_its_user,
    has_replayed,
    is_archived,
    is_promoted,
    run_as_server,
)

DUMPS = {"one file": ["-Fc"], "a folder, four processes": ["-Fd", "-j", "4"]}
KNOWN_TO_PGBACKREST = 15
"""The newest server that Debian's package knows for certain."""


@pytest.fixture
def reader_of_all(db: Connection) -> Iterator[str]:
    """A role that may read every table of the cluster, and has no right of the store's."""
    name = f"backup_{db.info.dbname}"
    db.execute(sql.SQL("create role {} login in role pg_read_all_data").format(sql.Identifier(name)))
    yield name
    db.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def dump_archive(url: str, target: Path, *options: str) -> None:
    program = tools.client("pg_dump", bindir())
    result = subprocess.run([program, *options, "-f", target, url], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def restore_archive(url: str, source: Path, *options: str) -> None:
    program = tools.client("pg_restore", bindir())
    result = subprocess.run([program, *options, "-d", url, source], capture_output=True, text=True, check=False)
    # a newer pg_restore sets what an older server does not know
    errors = [line for line in result.stderr.splitlines() if "error:" in line and "transaction_timeout" not in line]
    assert errors == []


def recovered(url: str, last: int, *options: str) -> None:
    """Run `esdb recover`: it begins an epoch behind the last event that is there."""
    told = json.loads(succeed(url, "recover", "--reason", "a rehearsal", "--json", *options))
    assert (told["is_new"], told["last_position"], told["faults"]) == (True, last, [])


def last_position(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int(value(connection, "select max(position) from esdb.events"))


@pytest.mark.parametrize("options", DUMPS.values(), ids=DUMPS.keys())
def test_a_dump_of_a_busy_store_is_whole_and_goes_on(
    db_url: str, empty_db_url: str, reader_of_all: str, tmp_path: Path, options: list[str]
) -> None:
    maintenance = Crew()
    with Busy(db_url, tmp_path) as busy:
        busy.go_on()
        since = busy.moment()
        maintenance.start(succeed, db_url, "maintain")
        dump_archive(psycopg.conninfo.make_conninfo(db_url, user=reader_of_all), tmp_path / "shop.dump", *options)
        maintenance.join()
        busy.go_on()
    events = busy.end()

    restore_archive(empty_db_url, tmp_path / "shop.dump", *options[1:])
    is_whole(empty_db_url, since, events)
    assert "goes on" in succeed(empty_db_url, "recover")  # it cannot know
    recovered(empty_db_url, last_position(empty_db_url), "--force")
    goes_on(empty_db_url, busy, events)


def test_a_dump_of_a_standby_is_whole_and_goes_on(servers: Servers, tmp_path: Path) -> None:
    primary = servers.primary()
    standby = servers.standby(primary)
    with connected(primary) as writer, connected(standby) as reader:
        kept = append_many(writer, "s", 5)[-1].position
        writer.execute("select esdb.create_subscription('x')")
        has_replayed(writer, reader)
        dump_archive(standby.url(), tmp_path / "shop.dump", "-Fc")
        seen = append_many(writer, "s", 100)[-1].position
        writer.execute("create database restored")
    url = primary.url("restored")
    restore_archive(url, tmp_path / "shop.dump")
    recovered(url, kept, "--force")
    with psycopg.connect(url, autocommit=True) as connection:
        assert refused(connection, seen)["resume_after"] == kept
        new = append(connection, "s").position
        assert new > seen
        assert [event.position for event in until(lambda: read_all(connection, kept), "the new event")] == [new]
        assert len(connection.execute("select * from esdb.claim_events('x', 'w')").fetchall()) == 6
    assert succeed(url, "verify", "--events") == "ok\n"


def test_a_second_restore_of_a_dump_is_ahead_of_the_first_one(
    db: Connection, db_url: str, databases: Databases, tmp_path: Path
) -> None:
    """Who restores again goes back behind the first restore, too: what was appended there is lost as well."""
    kept = append(db, "s").position
    db.execute("select esdb.create_subscription('x')")
    dump_archive(db_url, tmp_path / "shop.dump", "-Fc")
    outside, tokens = Outside(), []
    for count in (100, 300):
        url = databases.empty()
        restore_archive(url, tmp_path / "shop.dump")
        recovered(url, kept, "--force")
        with psycopg.connect(url, autocommit=True) as connection:
            append_many(connection, "s", count)
            outside.catch_up(connection)
            assert outside.handled == stored(connection)
            tokens.append(value(connection, "select distinct token from esdb.claim_events('x', 'w')"))
        databases.drop(url)
    assert outside.told == [kept]
    assert tokens[0] < tokens[1]


class Archived:
    """A server whose log is archived as the page says, and a base backup of it that was made while it was busy."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self.folder = folder
        archive = folder / "wal"
        archive.mkdir(exist_ok=True)
        archive.chmod(0o777)
        self.places = {"/srv/wal": str(archive)}
        self.server = servers.primary(None, **settings_of_page("postgresql.conf", self.places))
        with Busy(self.server.url(), folder) as self.busy:
            self.copy = servers.backup(self.server)
            self.busy.go_on()
            self.since: Moment = self.busy.moment()
            self.busy.go_on()
        self.events: list[Seen] = self.busy.end()


@pytest.fixture
def archived(servers: Servers, servers_folder: Path, tmp_path: Path) -> Iterator[Archived]:
    """A server that was backed up."""
    folder = servers_folder / tmp_path.name
    folder.mkdir()
    folder.chmod(0o755)
    yield Archived(servers, folder)
    shutil.rmtree(folder)


def test_a_base_backup_and_the_log_lead_to_a_point_in_time(servers: Servers, archived: Archived) -> None:
    verify = tools.client("pg_verifybackup", archived.server.bindir)
    if archived.server.version < 17 or archived.server.version == major_version(verify.parent):
        # from 17 on a backup is for the programs of its own version, and a server's package may lack them
        subprocess.run([verify, "--no-parse-wal", archived.copy.data], check=True, capture_output=True)
    months = archived.folder / "months"
    months.mkdir()
    archive_months = [
        "partitions",
        "archive",
        "--to",
        str(months),
        "--older-than",
        "40 days",
        "--context",
        "b",
        "--json",
    ]
    gone = succeed(archived.server.url(), *archive_months)
    with connected(archived.server) as connection:
        is_archived(connection)
    archived.server.kill9()
    settings = settings_of_page("postgresql.auto.conf", archived.places)
    servers.start(archived.copy, "recovery.signal", **{**settings, "recovery_target_time": str(archived.since.at)})
    url = archived.copy.url()
    is_promoted(archived.copy)
    is_whole(url, archived.since, archived.events)
    assert last_position(url) < archived.events[-1].position
    recovered(url, last_position(url))
    goes_on(url, archived.busy, archived.events)
    # what was archived after that moment is in the tables again, and its files do not stand in the way
    again = succeed(url, *archive_months)
    assert [row["partition"] for row in json.loads(again)] == [row["partition"] for row in json.loads(gone)] != []
    assert succeed(url, "verify", "--events") == "ok\n"


def test_what_was_not_archived_is_in_the_lost_servers_log(servers: Servers, archived: Archived) -> None:
    archived.server.kill9()
    settings = settings_of_page("postgresql.auto.conf", archived.places)
    for file in (archived.server.data / "pg_wal").iterdir():
        if file.is_file():
            shutil.copy(file, archived.copy.data / "pg_wal")
    servers.start(archived.copy, "recovery.signal", restore_command=settings["restore_command"])
    url = archived.copy.url()
    is_promoted(archived.copy)
    is_whole(url, archived.since, archived.events)
    assert last_position(url) == archived.events[-1].position
    recovered(url, last_position(url))
    goes_on(url, archived.busy, archived.events, loses=False)


def test_pgbackrest_restores_to_a_point_in_time(servers: Servers, tmp_path: Path) -> None:
    programs = bindir() if major_version(bindir()) == KNOWN_TO_PGBACKREST else tools.server_bindir(KNOWN_TO_PGBACKREST)
    server = servers.primary(programs)
    places = install_pgbackrest(server)
    with connected(server) as connection:
        for name, setting in settings_of_page("postgresql.conf for pgBackRest", places).items():
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(setting)))
    server.restart()

    *before, back = commands_of_page("pgbackrest", places)
    with Busy(server.url(), tmp_path) as busy:
        for command in before:
            busy.go_on()
            run_as_server(*shlex.split(command), server=server)
        busy.go_on()
        since = busy.moment()
        busy.go_on()
    events = busy.end()
    with connected(server) as connection:
        is_archived(connection)
    server.stop()

    run_as_server(*shlex.split(back.replace("2026-11-21 14:05:00+00", str(since.at))), server=server)
    server.start()
    is_promoted(server)
    is_whole(server.url(), since, events)
    assert last_position(server.url()) < events[-1].position
    recovered(server.url(), last_position(server.url()))
    goes_on(server.url(), busy, events)


def install_pgbackrest(server: LocalServer) -> dict[str, str]:
    """Put pgBackRest where the server's user can run it, with the page's file, and say what takes which place."""
    folder = server.folder / "backup"
    shutil.copytree(tools.pgbackrest_folder(), folder / "program")
    program, file, repository = folder / "program" / "pgbackrest", folder / "pgbackrest.conf", folder / "repository"
    places = {
        "/var/lib/pgbackrest": str(repository),
        "/var/lib/postgresql/18/main": str(server.data),
        "pgbackrest --": f"{program} --config={file} --",
    }
    own = {
        "cmd": program, "log-path": folder, "lock-path": folder, "spool-path": folder,
        "pg1-socket-path": server.folder, "pg1-port": server.port, "pg1-user": "postgres",
    }  # fmt: skip
    text = file_of_page("pgbackrest.conf", places)
    for name, setting in own.items():
        section = "[shop]\n" if name.startswith("pg1-") else "[global]\n"
        text = text.replace(section, f"{section}{name}={setting}\n")
    file.write_text(text)
    repository.mkdir()
    give_to_its_user(folder, server)
    return places
