"""`esdb partitions restore`: proves archives, and carries out what esdb._restore_plan() says puts them back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.alone import alone
from esdb_cli.archive import LOCK_KEY, WAIT_HELP
from esdb_cli.calls import Json, Time, call
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import database_option, rows
from esdb_cli.ddl import OUTSIDE, phases, script_of
from esdb_cli.digest import TableDigest
from esdb_cli.errors import CliError
from esdb_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from psycopg import Connection

    from esdb_cli.archive_files import Folder, Manifest
    from esdb_cli.db import Row

_COLUMNS: Final = ("partition", "event_count", "location")


@click.command("restore", short_help="Put archived partitions back from their files.")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=WAIT_HELP)
@click.option("--dry-run", is_flag=True, help="Prove the archives, print the exact SQL and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as JSON.")
@database_option
def restore_command(*, directory: Path, wait: float, dry_run: bool, as_json: bool, database_url: str | None) -> None:
    """Put archived partitions back: DIR is one archive, or a directory of archives.

    Manifest, file and digest are compared with the seal in the database before anything is changed, and the digest once
    more in the database before the partition is attached. The same events are back, in the same order, and sealed; the
    files stay. A run that was ended is completed by the next. Connect to the server itself, not through a pooler.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    from esdb_cli.archive_files import archives_in

    folders = [path.absolute() for path in archives_in(directory)]
    with connect_to_change(database_url) as connection:
        if dry_run:
            click.echo("\n".join(_dry_run(connection, folder) for folder in folders), nl=False)
            return
        done = restore(connection, folders, wait=wait)
    if as_json:
        print_json(done)
    elif done:
        print_table(done, _COLUMNS)


def restore(connection: Connection[Any], folders: list[Path], *, wait: float = 60.0) -> list[Row]:
    """Put the partitions of archives back and return which; all are proven before the first. `wait` is in seconds."""
    from esdb_cli.archive_files import Folder

    done = []
    with alone(connection, LOCK_KEY, command="esdb partitions archive or restore", wait=wait):
        for path in folders:
            with Folder.open(path) as folder:
                plan(connection, manifest_of(folder))
        for path in folders:
            with Folder.open(path) as folder:
                manifest = manifest_of(folder)
                if not (steps := plan(connection, manifest)):
                    say(_in_place(manifest))
                    continue
                done.append(_Restoring(connection, folder, manifest, steps).run())
            say(f"restored {done[-1]['partition']}")
    return done


def manifest_of(folder: Folder) -> Manifest:
    """Return the manifest of an archive. Raises CliError where there is none."""
    manifest = folder.manifest()
    if manifest is None:
        raise CliError(f"there is no archive in {folder.path}")
    return manifest


def plan(connection: Connection[Any], manifest: Manifest) -> list[Row]:
    """Return the steps that put an archived partition back, in order: none if it is back. Raises SE009 for lies."""
    import json

    text = json.dumps(manifest, ensure_ascii=False)
    return rows(connection, call("esdb._restore_plan", {"manifest": Json(text)}))


def _in_place(manifest: Manifest) -> str:
    return f"nothing to do: {manifest['partition']} is in place, sealed as in the archive"


def _dry_run(connection: Connection[Any], path: Path) -> str:
    """Prove an archive, whether its file is needed or not, and return the SQL of its restore."""
    from esdb_cli.archive_files import Folder

    with Folder.open(path) as folder:
        manifest = manifest_of(folder)
        steps = plan(connection, manifest)
        folder.prove(manifest)
    digest = f" with digest {manifest['events_digest']}" if manifest["events_digest"] else ""
    say(f"proven: {path}, {manifest['event_count']} events{digest}")
    if not steps:
        say(_in_place(manifest))

    def remark(step: Row) -> str | None:
        match step["action"]:
            case "load_events":
                return f"-- loads {manifest['event_count']} events from {path}\n"
            case "prove_partition":
                return "-- computes the digest of the table and compares it with the seal's\n"
            case _:
                return None

    return script_of(steps, lambda step: statement(connection, step, path), remark)


class _Restoring:
    """The restoring of one archive: its steps, as the plan has them."""

    def __init__(self, connection: Connection[Any], folder: Folder, manifest: Manifest, steps: list[Row]) -> None:
        self._connection = connection
        self._folder = folder
        self._manifest = manifest
        self._steps = steps
        self._partition = steps[0]

    def run(self) -> Row:
        """Take the steps; each phase is a transaction, or a statement outside of any."""
        if any(step["action"] == "load_events" for step in self._steps):
            self._folder.prove(self._manifest)
        for steps in phases(self._steps):
            match steps[0]["action"]:
                case "load_events":
                    self._load()
                case "prove_partition":
                    self._prove()
                case action if action in OUTSIDE:
                    self._connection.execute(statement(self._connection, steps[0], self._folder.path))
                case _:
                    self._change(steps)
        return {
            "partition": self._partition["partition"],
            "event_count": self._partition["event_count"],
            "location": str(self._folder.path),
        }

    def _change(self, steps: list[Row]) -> None:
        """Carry out DDL under the maintenance lock, with what the database says then: its optional indexes, for one."""
        with self._connection.transaction():
            self._connection.execute("select esdb._lock_maintenance()")
            current = plan(self._connection, self._manifest)[0]
            for step in steps:
                now = {**step, **{name: current[name] for name in ("optional_indexes", "bound_constraints")}}
                self._connection.execute(statement(self._connection, now, self._folder.path))

    def _load(self) -> None:
        """Load the events page by page, into a table that nobody reads yet."""
        for lines in self._folder.pages(self._manifest):
            self._connection.execute("select esdb._restore_events(%s, %s)", (self._partition["partition"], lines))

    def _prove(self) -> None:
        """Compute the digest of the table, page by page, and compare it with the seal's."""
        table = f"esdb.{self._partition['partition']}"
        digest = TableDigest(table)
        while not digest.is_complete:
            digest.read_page(self._connection)
        found, count = digest.value, digest.event_count
        if count != self._partition["event_count"] or (count and found != self._partition["events_digest"]):
            raise CliError(
                f"{table} does not hold the events that were sealed",
                detail=f"{count} events with digest {found.hex() if found else None}, sealed were"
                f" {self._partition['event_count']} with {self._partition['events_digest'].hex()}",
                hint=f"drop table {table}, which is not a part of the events: then they are restored from the file",
            )


def statement(connection: Connection[Any], step: Row, path: Path) -> str:
    """Return the SQL of a step: a function of ours, or a template of the step's name."""
    from esdb_cli.render import render

    arguments = {"bounded_context": step["bounded_context"], "lower_bound": Time(step["lower_bound"].isoformat())}
    match step["action"]:
        case "begin_restore":
            return call("esdb._begin_restore", arguments).as_string(connection) + ";\n"
        case "finish_restore":
            done = call("esdb._finish_restore", {**arguments, "location": str(path)})
            return done.as_string(connection) + ";\n"
        case template:
            return render(template, step)
