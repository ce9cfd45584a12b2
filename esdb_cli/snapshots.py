"""`esdb snapshots`: lists the streams that are due for a snapshot, and removes old snapshots batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.arguments import MAX_COUNT, EnvironmentOption, wait_option
from esdb_cli.calls import Interval, call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.ddl import patient
from esdb_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg.sql import Composed

_DUE = ("aggregate_id", "aggregate_type", "bounded_context", "version", "snapshot_version", "events_since_snapshot")
_PLACE: Final = ("aggregate_id", "version")
_MOST_DAYS: Final = 365_000
_HOW_IT_RUNS = """\
-- again and again, each time in a transaction of its own and with the aggregate_id and version that the call
-- before returned, until aggregate_id is null:
"""


def older_than_days_option(name: str) -> Callable[[Any], Any]:
    """Return the option that says for how many days each snapshot stays; it arrives as `older_than_days`."""
    return click.option(
        name,
        "older_than_days",
        cls=EnvironmentOption,
        type=click.IntRange(0, _MOST_DAYS),
        envvar="SNAPSHOT_RETENTION_DAYS",
        help="Days for which each snapshot stays  [env: SNAPSHOT_RETENTION_DAYS; default: setting snapshot_retention].",
    )


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
    from psycopg.sql import SQL

    statement = call("esdb._due_snapshots", {"threshold": threshold})
    order = SQL("\norder by result.events_since_snapshot desc, result.aggregate_id")
    with connect(database_url) as connection:
        streams = rows(connection, statement + order)
    if as_json:
        print_json(streams)
    else:
        print_table(streams, _DUE)


@snapshots.command()
@click.option("--keep", type=MAX_COUNT, help="Newest of each aggregate that stay  [default: setting snapshots_kept].")
@older_than_days_option("--older-than-days")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print how many were removed as JSON.")
@database_option
def cleanup(
    *,
    keep: int | None,
    older_than_days: int | None,
    wait: float,
    dry_run: bool,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Remove old snapshots; the newest of each aggregate always stay.

    In batches, each a transaction: no save waits for longer than one, and what was removed until the command is
    ended stays removed. Safe to run again at any time and from two places at once.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    arguments = {"keep": keep, "older_than": days(older_than_days)}
    if dry_run:
        click.echo(script(arguments), nl=False)
        return
    with connect(database_url) as connection:

        def remove(batch: Composed) -> tuple[Any, ...] | None:
            with patient(connection, wait, "could not remove snapshots"):
                return connection.execute(batch).fetchone()

        removed, _ = clean_up(arguments, remove)
    if as_json:
        print_json({"removed": removed})
    else:
        say(f"removed {removed} snapshot{'' if removed == 1 else 's'}")


def days(number: int | None) -> Interval | None:
    """Return a number of days as the server takes it; None stays None."""
    return None if number is None else Interval(f"{number} days")


def script(arguments: Mapping[Any, Any]) -> str:
    """Return the SQL of a cleanup: of its first batch, and how it goes on."""
    return f"{_HOW_IT_RUNS}{_batch(arguments).as_string()};\n"


def clean_up(arguments: Mapping[Any, Any], run: Callable[[Composed], tuple[Any, ...] | None]) -> tuple[int, bool]:
    """Remove batch by batch; return how many were removed, and whether that was to the end.

    run: executes a batch, commits it and gives its row, or None when it is to be left to somebody else.
    """
    removed = 0
    place: dict[Any, Any] = {}
    while True:
        row = run(_batch({**arguments, **place}))
        if row is None:
            return removed, False
        *key, of_batch = row
        removed += of_batch
        if key[0] is None:
            return removed, True
        place = dict(zip(_PLACE, key, strict=True))


def _batch(arguments: Mapping[Any, Any]) -> Composed:
    return call("esdb._cleanup_snapshots", arguments, "aggregate_id, version, removed")
