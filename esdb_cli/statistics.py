"""`esdb refresh-stats`."""

from __future__ import annotations

from typing import Final

import click

from esdb_cli.arguments import wait_option
from esdb_cli.db import connect, database_option
from esdb_cli.ddl import patient
from esdb_cli.output import say

_STATEMENT: Final = "select esdb.refresh_event_statistics()"


@click.command("refresh-stats")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and refresh nothing.")
@database_option
def refresh_stats(*, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Bring the view event_statistics up to date.

    Its readers go on meanwhile. What is sealed was counted when it was sealed, so this takes as long as it takes to
    count what is not.
    """
    if dry_run:
        click.echo(f"{_STATEMENT};")
        return
    with connect(database_url) as connection, patient(connection, wait, "another refresh did not end"):
        connection.execute(_STATEMENT)
    say("event_statistics is up to date")
