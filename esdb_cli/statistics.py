"""`esdb refresh-stats`."""

from __future__ import annotations

from typing import Final

import click

from esdb_cli.db import connect, database_option
from esdb_cli.output import say

_STATEMENT: Final = "select esdb.refresh_event_statistics()"
_WAIT_HELP: Final = "Seconds to wait for another refresh, or for who makes partitions; then exit 4."


@click.command("refresh-stats")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=_WAIT_HELP)
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
    with connect(database_url) as connection:
        # 0 would mean for ever
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{max(1, round(wait * 1000))}ms",))
        connection.execute(_STATEMENT)
    say("event_statistics is up to date")
