"""`esdb snapshots`: lists the streams that are due for a snapshot, and removes old snapshots batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.arguments import MAX_COUNT, EnvironmentOption
from esdb_cli.calls import Interval, call
from esdb_cli.db import connect, database_option
from esdb_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    import psycopg

_DUE = ("aggregate_id", "aggregate_type", "bounded_context", "version", "snapshot_version", "events_since_snapshot")
_MOST_DAYS: Final = 365_000
_HOW_IT_RUNS = """\
-- again and again, each time in a transaction of its own and with the aggregate_id and version that the call
-- before returned, until aggregate_id is null:
"""


@click.group()
def snapshots() -> None:
    """List the snapshots that are due, and remove old ones."""


@snapshots.command()
@click.option(
    "--threshold",
    cls=EnvironmentOption,
    type=MAX_COUNT,
    envvar="SNAPSHOT_THRESHOLD",
    help="Events after the newest snapshot  [env: SNAPSHOT_THRESHOLD; default: setting snapshot_threshold].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def due(*, threshold: int | None, as_json: bool, database_url: str | None) -> None:
    """List the streams that are due for a snapshot, the longest first.

    Reads every stream's row: something for a job. It is the application that saves snapshots.
    """
    from psycopg.rows import dict_row
    from psycopg.sql import SQL

    statement = call("esdb._due_snapshots", {"threshold": threshold})
    order = SQL("\norder by result.events_since_snapshot desc, result.aggregate_id")
    with connect(database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement + order).fetchall()
    if as_json:
        print_json(rows)
    else:
        print_table(rows, _DUE)


@snapshots.command()
@click.option("--keep", type=MAX_COUNT, help="Newest of each aggregate that stay  [default: setting snapshots_kept].")
@click.option(
    "--older-than-days",
    cls=EnvironmentOption,
    type=click.IntRange(0, _MOST_DAYS),
    envvar="SNAPSHOT_RETENTION_DAYS",
    help="Days for which each snapshot stays  [env: SNAPSHOT_RETENTION_DAYS; default: setting snapshot_retention].",
)
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print how many were removed as JSON.")
@database_option
def cleanup(
    *, keep: int | None, older_than_days: int | None, dry_run: bool, as_json: bool, database_url: str | None
) -> None:
    """Remove old snapshots; the newest of each aggregate always stay.

    In batches, each a transaction: no save waits for longer than one, and what was removed until the command is
    ended stays removed. Safe to run again at any time and from two places at once.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    age = None if older_than_days is None else Interval(f"{older_than_days} days")
    arguments: dict[Any, Any] = {"keep": keep, "older_than": age}
    if dry_run:
        click.echo(script(arguments), nl=False)
        return
    with connect(database_url) as connection:
        removed = _clean_up(connection, arguments)
    if as_json:
        print_json({"removed": removed})
    else:
        say(f"removed {removed} snapshot{'' if removed == 1 else 's'}")


def script(arguments: dict[Any, Any]) -> str:
    """Return the SQL of a cleanup: of its first batch, and how it goes on."""
    return f"{_HOW_IT_RUNS}{_batch(arguments).as_string()};\n"


def _batch(arguments: dict[Any, Any]) -> Any:
    return call("esdb._cleanup_snapshots", arguments)


def _clean_up(connection: psycopg.Connection[Any], arguments: dict[Any, Any]) -> int:
    """Remove batch by batch, each committed, and return how many were removed."""
    from psycopg.rows import dict_row

    removed = 0
    place: dict[str, Any] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        while True:
            row = cursor.execute(_batch(arguments | place)).fetchone()
            assert row is not None  # noqa: S101 - the function returns one row
            removed += int(row["removed"])
            if row["aggregate_id"] is None:
                return removed
            place = {name: row[name] for name in ("aggregate_id", "version")}
