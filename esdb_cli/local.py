"""`esdb local`: the server in `./.esdb`, which `esdb --local` uses."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.db import forget_libpq_settings
from esdb_cli.errors import EXIT_CANNOT_CONNECT, EXIT_PENDING, EXIT_USAGE, CliError
from esdb_cli.output import print_json, printable, say
from esdb_cli.server_programs import LocalServerError, wheel_bindir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esdb_cli.local_server import KeptServer

_START: Final = "`esdb local start` makes one here; the folder .esdb is looked for in the current folder alone"


@click.group()
def local() -> None:
    """Start, stop and remove the server that `esdb --local` uses.

    It is kept in the folder .esdb of the current folder, listens on a Unix socket there, and runs until it is stopped.
    Its programs are those of an installed PostgreSQL (15 or newer), else those that esdb[demo] brings along.
    """


@local.command()
def start() -> None:
    """Start the server and print its URL.

    It is made first where there is none.
    """
    click.echo(ensured_url())


@local.command()
def stop() -> None:
    """Stop the server; the data stay.

    Transactions that are open are rolled back.
    """
    with _told():
        stopped = _existing().stop()
    say("stopped" if stopped else "the server was not running")


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show whether the server runs, where and as what.

    Exits 3 if it does not.
    """
    with _told():
        facts = _facts(_server())
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name:8} {printable(value)}".rstrip())
    if facts["state"] != "running":
        raise click.exceptions.Exit(EXIT_PENDING)


@local.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(*, arguments: tuple[str, ...]) -> None:
    """Open psql on the server.

    The server is started if need be. What follows goes to psql.
    """
    from esdb_cli.local_server import DATABASE, PORT

    with _told():
        server = _existing()
        server.ensure()
        program = _psql(server)
        host = server.folder.link(server.folder.recall())
    forget_libpq_settings()
    os.environ.update(PGHOST=str(host), PGPORT=str(PORT), PGUSER="postgres", PGDATABASE=DATABASE)
    sys.stdout.flush()
    os.execv(program, ["psql", *arguments])  # noqa: S606 - psql takes this process's place and its terminal


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def destroy(*, yes: bool, dry_run: bool) -> None:
    """Stop the server and remove the folder .esdb.

    All events in it go with it.
    """
    from esdb_cli.local_server import refuse_strangers

    with _told():
        server = _existing()
        refuse_strangers(server.folder)
    folder = server.folder.path
    if dry_run:
        pid = server.pid()
        click.echo(f"would {f'stop the server (pid {pid}) and ' if pid else ''}remove {printable(folder)}")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise CliError(f"removes {folder} with all events in it: say --yes", EXIT_USAGE)
        click.confirm(f"Remove {printable(folder)} with all events in it?", abort=True, err=True)
    with _told():
        server.destroy()
    say(f"removed {printable(folder)}")


def ensured_url() -> str:
    """Give the URL of the database in `./.esdb`; the server is made and started where it has to be."""
    with _told():
        url = _server().ensure()
    return url  # noqa: RET504 - a context manager may end a block early, says mypy


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is wrong with the server into an error of the command."""
    try:
        yield
    except LocalServerError as error:
        message, _, detail = str(error).partition("\n")
        raise CliError(message, EXIT_CANNOT_CONNECT, detail=detail) from error


def _server() -> KeptServer:
    from esdb_cli.local_folder import NAME, LocalFolder
    from esdb_cli.local_server import KeptServer

    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise CliError("the current folder is not there any more", hint="cd to one that is") from None
    return KeptServer(LocalFolder(here / NAME))


def _existing() -> KeptServer:
    server = _server()
    if not server.folder.exists():
        raise CliError(f"there is no {server.folder.path}", hint=_START)
    return server


def _facts(server: KeptServer) -> dict[str, Any]:
    folder = server.folder
    exists = folder.exists()
    url = server.url() if exists else None
    pid = server.pid() if exists else None
    if not exists or folder.version is None:
        state = "none"
    elif pid is None:
        state = "stopped"
    else:
        state = "running" if url else "starting"
    return {
        "state": state,
        "folder": str(folder.path),
        "version": folder.version if exists else None,
        "pid": pid,
        "url": url,
        "log": str(folder.log) if exists else None,
    }


def _psql(server: KeptServer) -> str:
    """Find psql: beside the server's programs, on PATH, or in the wheel; any of them serves any version."""
    places = [server.folder.recall().bindir, os.environ.get("PATH"), str(wheel_bindir() or "")]
    for place in places:
        if place and (program := shutil.which("psql", path=place)):
            return program
    raise CliError(
        "there is no psql on this machine",
        hint="install PostgreSQL's client (Debian: apt-get install postgresql-client), or pip install 'esdb[demo]'",
    )
