"""`esdb recover`: after a failover, a restore, or a crash that lost commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import EXIT_FAILED
from esdb_cli.output import print_json, printable, say

if TYPE_CHECKING:
    import psycopg

    from esdb_cli.db import Row


@click.command()
@click.option("--reason", help="Why, for the epoch and the audit log.")
@click.option("--force", is_flag=True, help="Begin a new epoch in any case: after pg_restore, which resets nothing.")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def recover(*, reason: str | None, force: bool, dry_run: bool, as_json: bool, database_url: str | None) -> None:
    """Begin a new epoch after a failover or a restore.

    Run it as the owner before applications append again. Positions jump ahead, so that none that was given out and lost
    is given out again, and consumers outside the database whose cursor lies among the lost ones get SE022. Without need
    nothing changes. Exits 1 where the positions cannot be trusted afterwards.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    statement = call("esdb.recover", {"reason": reason, "force": force or None})
    if dry_run:
        click.echo(f"{statement.as_string()};")
        return
    with connect(database_url) as connection:
        (epoch,) = rows(connection, statement)
        faults = rows(connection, "select * from esdb_meta.sequence_faults()")
    if as_json:
        print_json({**epoch, "faults": faults})
    else:
        _print(epoch)
    for fault in faults:
        say(printable(f"{fault['kind']} {fault['name']}: {fault['fault']}"))
    if faults:
        raise click.exceptions.Exit(EXIT_FAILED)


def _print(epoch: Row) -> None:
    last, first, resume = epoch["last_position"], epoch["first_position"], epoch["resume_after"]
    if not epoch["is_new"]:
        click.echo(f"epoch {epoch['epoch']} goes on: the server has not recovered since it began")
        return
    click.echo(f"epoch {epoch['epoch']} has begun, on timeline {epoch['timeline']}")
    click.echo(f"kept: everything up to position {resume}; the last event is {epoch['highest_event']}")
    if first - 1 > last:
        between = f", and those between {resume} and {last} that no event has" if resume < last else ""
        click.echo(f"lost at most: positions {last + 1} to {first - 1}{between}; new events come after those")
        click.echo(
            f"consumers outside the database with a cursor above {last} get SE022:"
            f" undo what they handled after {resume}, and let them go on from there"
        )
    click.echo("subscriptions, and consumers that keep their cursor in this database, go on by themselves")


def newest_epoch(connection: psycopg.Connection[Any]) -> Row | None:
    """Return the store's newest epoch; None where there is none yet."""
    installed = connection.execute("select to_regclass('esdb.epochs') is not null").fetchone()
    if installed is None or not installed[0]:
        return None
    found = rows(connection, "select number, began_at, timeline, reason from esdb.epochs order by number desc limit 1")
    return found[0] if found else None
