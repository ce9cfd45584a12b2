"""`esdb refresh-stats`."""

from __future__ import annotations

import click

from esdb_cli.db import connect, database_option
from esdb_cli.output import say


@click.command("refresh-stats")
@database_option
def refresh_stats(*, database_url: str | None) -> None:
    """Bring the view event_statistics up to date."""
    with connect(database_url) as connection:
        connection.execute("select esdb.refresh_event_statistics()")
    say("event_statistics is up to date")
