"""`esdb migrate` and `esdb status`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from esdb_cli.db import connect, database_option
from esdb_cli.errors import EXIT_PENDING
from esdb_cli.output import print_json, print_table, say
from esdb_cli.resources import package_version

if TYPE_CHECKING:
    import psycopg

    from esdb_cli.db import Row
    from esdb_cli.migrations import Migrator


@click.command()
@database_option
@click.option("--dry-run", is_flag=True, help="Print the SQL that would run and change nothing.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a lock; then exit 4.",
)
def migrate(*, database_url: str | None, dry_run: bool, wait: float) -> None:
    """Bring the database's schema to this version.

    A second run does nothing.
    """
    from esdb_cli.migrations import Migrator

    with connect(database_url) as connection:
        migrator = Migrator(connection, wait=wait, report=say)
        if dry_run:
            click.echo(_script(migrator, connection), nl=False)
            return
        applied = migrator.migrate()
        made = _create_partitions(connection, wait)
        if not applied and not made:
            say("up to date")


def _script(migrator: Migrator, connection: psycopg.Connection[Any]) -> str:
    """Return the SQL that would run; which partitions are due only an up-to-date store can say."""
    from esdb_cli.partitions import plan, script

    if migrations := migrator.script():
        return f"{migrations}-- then what `esdb partitions create-next --dry-run` prints\n"
    return script(plan(connection, None))


def _create_partitions(connection: psycopg.Connection[Any], wait: float) -> list[Row]:
    """Make the months that are missing, so that a fresh store takes appends at once; also after a killed run."""
    from esdb_cli.partitions import create_next

    steps = create_next(connection, wait=wait)
    if steps:
        say("made the partitions that were due")
    return steps


@click.command()
@database_option
@click.option("--check", is_flag=True, help="Exit 3 when something is pending or has drifted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(*, database_url: str | None, check: bool, as_json: bool) -> None:
    """Show which migrations are applied, pending or changed."""
    from esdb_cli.migrations import Migrator
    from esdb_cli.recover import newest_epoch

    with connect(database_url) as connection:
        states = Migrator(connection).states()
        server = connection.execute("show server_version").fetchone()
        epoch = newest_epoch(connection)
    files = [asdict(state) for state in states]
    server_version = server[0] if server else ""
    current = all(state.is_current for state in states)
    if as_json:
        print_json(
            {
                "server_version": server_version,
                "package_version": package_version(),
                "current": current,
                "epoch": epoch,
                "files": files,
            }
        )
    else:
        say(f"server {server_version}, package {package_version()}")
        if epoch and epoch["number"] > 1:
            say(f"epoch {epoch['number']} since {epoch['began_at']}: {epoch['reason']}")
        print_table(files, ["state", "kind", "id"])
    if check and not current:
        raise click.exceptions.Exit(EXIT_PENDING)
