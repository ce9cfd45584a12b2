"""`esdb doctor`: what is wrong with the store and its server, or will be, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import EXIT_PENDING
from esdb_cli.output import print_json, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from esdb_cli.db import Row

_SEVERITIES: Final = ("critical", "warning", "notice")
_HOW: Final = {"sql": "mend, in SQL", "shell": "mend, in a shell", "hand": "mend, by hand"}


@click.command(short_help="Find what is wrong with the store and its server, or will be.")
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES),
    default="notice",
    show_default=True,
    help="Only what is so bad or worse.",
)
@click.option("--skip", multiple=True, metavar="FINDING", help="Not this finding; can be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def doctor(*, severity: str, skip: tuple[str, ...], as_json: bool, database_url: str | None) -> None:
    """Find what is wrong with the store and its server, or will be: why it matters, and what mends it.

    critical: appends fail, consumers stand still or events may be lost, now or soon. warning: it will go wrong. notice:
    it costs something, or should be looked at. Changes nothing. Exits 3 if anything is found, or prints ok.
    """
    with connect(database_url) as connection:
        _check_names(connection, skip)
        found = rows(connection, "select * from esdb.findings where finding <> all (%s::text[])", (list(skip),))
    wanted = _SEVERITIES[: _SEVERITIES.index(severity) + 1]
    found = [finding for finding in found if finding["severity"] in wanted]
    if as_json:
        print_json({"ok": not found, "findings": found})
    else:
        _print(found)
    if found:
        raise click.exceptions.Exit(EXIT_PENDING)


def _check_names(connection: Connection[Any], names: Sequence[str]) -> None:
    known = {row["finding"] for row in rows(connection, "select finding from esdb_meta.doctor_checks()")}
    for name in names:
        if name not in known:
            raise click.UsageError(f"--skip {printable(name)}: there is no such finding: {', '.join(sorted(known))}.")


def _print(found: list[Row]) -> None:
    for finding in found:
        click.echo(printable(f"{finding['severity']} {finding['finding']}: {finding['subject']}"))
        click.echo(printable(f"  {finding['fact']}"))
        click.echo(printable(f"  why: {finding['why']}"))
        click.echo(f"  {_HOW[finding['mend_by']]}:")
        for line in finding["mend"].split("\n"):
            click.echo(f"    {printable(line)}")
    if found:
        counts = {name: sum(finding["severity"] == name for finding in found) for name in _SEVERITIES}
        say(", ".join(f"{count} {name}" for name, count in counts.items() if count))
    else:
        click.echo("ok")
