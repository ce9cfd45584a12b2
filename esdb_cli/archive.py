"""`esdb partitions archive`: carries out what esdb._archive_plan() says is left, while appends and reads go on."""

from __future__ import annotations

import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.alone import OPEN_TRANSACTIONS, alone
from esdb_cli.calls import Time, call
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import database_option, rows
from esdb_cli.ddl import OUTSIDE, phases, script_of
from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError
from esdb_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from psycopg.sql import Composed

    from esdb_cli.archive_files import Manifest
    from esdb_cli.db import Row

# One run of archive or restore at a time: the key of the advisory lock of the session that works.
LOCK_KEY: Final = "29290::bigint << 48"
LINES_AT_ONCE: Final = 2000
WAIT_HELP: Final = "Seconds to wait for locks and open transactions; then exit 4."
_COLUMNS: Final = ("partition", "event_count", "file_bytes", "location", "keeps_table")
_PLACE: Final = ("bounded_context", "lower_bound")


@click.command("archive", short_help="Write old partitions to files and take them out.")
@click.option("--to", "directory", metavar="DIR", required=True, help="Directory for the archives; each gets its own.",
              type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path))  # fmt: skip
@click.option(
    "--older-than", metavar="AGE", help="Age of a partition's end, as '2 years' [default: its context's retain]."
)
@click.option("--context", help="Only this bounded context (its code or name).")
@click.option("--keep-table", is_flag=True, help="Leave the table in the schema, outside of the events.")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=WAIT_HELP)
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was archived as JSON.")
@database_option
def archive_command(
    *,
    directory: Path,
    older_than: str | None,
    context: str | None,
    keep_table: bool,
    wait: float,
    dry_run: bool,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Write sealed partitions to files, prove the files, and take the partitions out of the database.

    Nothing is dropped before its file was read back and its digest found to be the seal's. From then on, what reads
    into these events fails and names the archive (SE013); `esdb partitions restore` puts them back. A run that was
    ended is continued by the next. Connect to the server itself, not through a pooler.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    directory = directory.resolve()
    with connect_to_change(database_url) as connection:
        choice = {"older_than": older_than, "context": context, "keep_table": keep_table}
        if dry_run:
            steps = plan(connection, choice)
            _warn(connection, steps, directory)
            click.echo(script(connection, steps, directory), nl=False)
            return
        done = archive(connection, choice, directory, wait=wait)
    if as_json:
        print_json(done)
    elif done:
        print_table(done, _COLUMNS)
    else:
        say("nothing to do: no sealed partition is past its age")


def plan(connection: Connection[Any], choice: dict[str, Any]) -> list[Row]:
    """Return the steps that are left, in order; one without an action names a partition that is not sealed."""
    return rows(connection, call("esdb._archive_plan", choice))


def archive(
    connection: Connection[Any],
    choice: dict[str, Any],
    directory: Path,
    *,
    wait: float = 60.0,
    statement_timeout: str = "0",
) -> list[Row]:
    """Archive what is due, one partition after the other, and return what was archived; `wait` is in seconds."""
    done = []
    command = "esdb partitions archive or restore"
    with alone(connection, LOCK_KEY, command=command, wait=wait, statement_timeout=statement_timeout):
        steps = plan(connection, choice)
        _warn(connection, steps, directory)
        for _, of_partition in groupby([step for step in steps if step["action"]], lambda step: step["partition"]):
            done.append(_Archiving(connection, list(of_partition), directory, wait).run())
            say(f"archived {done[-1]['partition']}")
    return done


class _Archiving:
    """The archiving of one partition: its steps, as the plan has them."""

    def __init__(self, connection: Connection[Any], steps: list[Row], directory: Path, wait: float) -> None:
        self._connection = connection
        self._steps = steps
        self._partition = steps[0]
        self._directory = directory
        self._wait = wait
        self._manifest: Manifest = {}

    def run(self) -> Row:
        """Take the steps; each phase is a transaction, or a statement outside of any."""
        for steps in phases(self._steps):
            match steps[0]["action"]:
                case "write_archive":
                    self._write()
                case "await_transactions":
                    self._await()
                case action if action in OUTSIDE:
                    self._connection.execute(statement(self._connection, steps[0], self._directory))
                case _:
                    with self._connection.transaction():
                        self._connection.execute("select esdb._lock_maintenance()")
                        for step in steps:
                            self._connection.execute(statement(self._connection, step, self._directory))
        return {
            "partition": self._partition["partition"],
            "event_count": self._manifest["event_count"],
            "file_bytes": self._manifest["file"]["bytes"],
            "location": str(location(self._partition, self._directory)),
            "keeps_table": self._partition["keeps_table"],
        }

    def _write(self) -> None:
        """Write the file and prove it; one that is there is proven. If that fails, the archiving is taken back."""
        from esdb_cli.archive_files import Folder, make_folder

        try:
            facts = self._facts()
            path = make_folder(self._directory, self._partition["partition"])
            with Folder.open(path) as folder:
                self._manifest = folder.manifest() or folder.write(facts, self._lines())
                _refuse_another(path, facts, self._manifest)
                folder.prove(self._manifest)
        except (OSError, CliError):
            if not self._connection.broken:
                self._connection.execute(call("esdb._withdraw_archive", _place(self._partition)))
            raise

    def _facts(self) -> Manifest:
        row = self._connection.execute(call("esdb._archive_facts", _place(self._partition))).fetchone()
        if row is None or row[0] is None:
            raise CliError(f"{self._partition['partition']} is not sealed", hint="esdb partitions seal")
        facts: Manifest = row[0]
        return facts

    def _lines(self) -> Iterator[bytes]:
        """Give the lines of the leaf's events, page by page: no snapshot is held for long."""
        from psycopg.sql import SQL, Literal

        last, found = 0, LINES_AT_ONCE
        while found == LINES_AT_ONCE:
            page = SQL("copy (select * from esdb_meta.event_lines({}::regclass, {}, {})) to stdout (format binary)")
            found = 0
            with self._connection.cursor() as cursor:
                table = f"esdb.{self._partition['partition']}"
                with cursor.copy(page.format(Literal(table), Literal(last), Literal(LINES_AT_ONCE))) as rows:
                    rows.set_types(["int8", "bytea"])
                    for position, line in rows.rows():
                        last = position
                        found += 1
                        yield bytes(line)

    def _await(self) -> None:
        """Wait for the transactions that may have looked before reads were refused: they would miss events silently."""
        deadline = time.monotonic() + self._wait
        left = self._open_transactions(None)
        if left:
            say(f"waiting for {len(left)} open transaction{'' if len(left) == 1 else 's'}")
        while left := self._open_transactions(left) if left else []:
            if time.monotonic() > deadline:
                message = f"{len(left)} transactions did not end within {self._wait:g} seconds"
                raise CliError(message, EXIT_LOCK_TIMEOUT, hint=OPEN_TRANSACTIONS)
            time.sleep(0.02)

    def _open_transactions(self, among: list[str] | None) -> list[str]:
        row = self._connection.execute("select esdb._open_transactions(%s::text[])", (among,)).fetchone()
        return list(row[0]) if row else []


def location(step: Row, directory: Path) -> Path:
    """Return the directory of a partition's archive."""
    return directory / str(step["partition"])


def statement(connection: Connection[Any], step: Row, directory: Path) -> str:
    """Return the SQL of a step: a function of ours, or a template of the step's name."""
    from esdb_cli.render import render

    match step["action"]:
        case "begin_archive":
            arguments = {"location": str(location(step, directory)), "keep_table": step["keeps_table"]}
            return _text(connection, call("esdb._begin_archive", {**_place(step), **arguments}))
        case "release_archive":
            return _text(connection, call("esdb._release_archive", _place(step)))
        case "finish_archive":
            return _text(connection, call("esdb._finish_archive", _place(step)))
        case template:
            return render(template, step)


def script(connection: Connection[Any], steps: list[Row], directory: Path) -> str:
    """Return the SQL that is left to do, and in comments what is done between the statements."""

    def remark(step: Row) -> str | None:
        match step["action"]:
            case "write_archive":
                return (
                    f"-- writes {location(step, directory)}: {step['event_count']} events and a manifest;"
                    " reads it back\n-- and compares the digest with the seal's\n"
                )
            case "await_transactions":
                return "-- waits until the transactions that are open now have ended\n"
            case _:
                return None

    left = [step for step in steps if step["action"]]
    return script_of(left, lambda step: statement(connection, step, directory), remark)


def _warn(connection: Connection[Any], steps: list[Row], directory: Path) -> None:
    """Say what is past its age and not sealed, and which streams will not be loadable."""
    for step in steps:
        match step["action"]:
            case None:
                say(f"{step['partition']} is not sealed: run `esdb partitions seal` first")
            case "release_archive":
                arguments = {name: step[name] for name in ("bounded_context", "lower_bound", "upper_bound")}
                uncovered = call("esdb._uncovered_streams", _times(arguments))
                row = connection.execute(uncovered).fetchone()
                if row and row[0]:
                    say(
                        f"warning: {row[0]} streams go on after {step['partition']} without a snapshot that covers"
                        " their events in it: load_aggregate() raises SE013 for them"
                    )
    if not directory.is_dir():
        raise CliError(f"{directory} is no directory")


def _refuse_another(path: Path, facts: Manifest, manifest: Manifest) -> None:
    """Refuse an archive that is not of the seal's facts; the chained digest may have been made anew since."""
    names = [name for name in facts if name != "seal_digest" and manifest.get(name) != facts[name]]
    if names:
        raise CliError(
            f"{path} holds another archive",
            detail=", ".join(f"{name} is {manifest.get(name)!r}, sealed is {facts[name]!r}" for name in names),
            hint="give another directory, or move that archive away",
        )


def _place(step: Row) -> dict[Any, Any]:
    return _times({name: step[name] for name in _PLACE})


def _times(arguments: dict[str, Any]) -> dict[Any, Any]:
    return {
        name: Time(value.isoformat()) if hasattr(value, "isoformat") else value for name, value in arguments.items()
    }


def _text(connection: Connection[Any], composed: Composed) -> str:
    return composed.as_string(connection) + ";\n"
