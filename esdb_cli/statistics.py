"""`esdb refresh-stats`."""

from __future__ import annotations

from typing import Final

import click

from esdb_cli.db import connect, database_option
from esdb_cli.output import say

_STATEMENT: Final = "select esdb.refresh_event_statistics()"


@click.command("refresh-stats")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and refresh nothing.")
@database_option
def refresh_stats(*, dry_run: bool, database_url: str | None) -> None:
    """Bring the view event_statistics up to date."""
    if dry_run:
        click.echo(f"{_STATEMENT};")
        return
    with connect(database_url) as connection:
        connection.execute(_STATEMENT)
    say("event_statistics is up to date")
