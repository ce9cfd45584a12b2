"""`esdb partitions status`: how each context's partitions stand, as the view esdb.partition_status says."""

from __future__ import annotations

from typing import Final

import click

from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import EXIT_PENDING
from esdb_cli.output import print_json, print_table, printable, say

_COLUMNS: Final = (
    "context_name",
    "months_ahead",
    "months_wanted",
    "overflow_rows",
    "overflow_since",
    "bound_until",
    "seals_due",
    "archives_unfinished",
    "past_retain",
)


@click.command("status", short_help="Show how the partitions stand, by the clock.")
@click.option("--check", is_flag=True, help="Print only what is wrong, a line each, and exit 3 if anything is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def status_command(*, check: bool, as_json: bool, database_url: str | None) -> None:
    """Show how the partitions stand, by the clock: one line a context, and what is wrong.

    Wrong is: a context without its table or overflow, months missing for a day, an overflow that holds events, a bound
    on it that no run has finished, an archive left unfinished for a day. What has waited a month for sealing or
    archiving is told too, but is no reason to exit 3. Reads the catalog: something for every minute.
    """
    with connect(database_url) as connection:
        statuses = rows(connection, "select * from esdb.partition_status order by context_name")
    reasons = [f"{status['context_name']}: {reason}" for status in statuses for reason in status["reasons"]]
    if as_json:
        print_json(statuses)
    elif check:
        click.echo("\n".join(map(printable, reasons)) or "ok")
    else:
        print_table(statuses, _COLUMNS)
        for reason in reasons:
            say(printable(reason))
    if not as_json:
        for status in statuses:
            for remark in status["remarks"]:
                say(printable(f"{status['context_name']}: {remark}"))
    if check and reasons:
        raise click.exceptions.Exit(EXIT_PENDING)
