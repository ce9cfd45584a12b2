"""`esdb verify`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from esdb_cli.db import connect, database_option
from esdb_cli.errors import EXIT_PENDING, NO_STORE, CliError
from esdb_cli.output import print_json, printable, say

if TYPE_CHECKING:
    import psycopg

    from esdb_cli.data_checks import DataChecks, Found
    from esdb_cli.seal_checks import SealChecks


@click.command()
@click.option("--schema-only", is_flag=True, help="Only what migrations made: reads no event, takes a second.")
@click.option("--stream", metavar="ID", help="Only this stream's data: reads only its events.")
@click.option("--events", is_flag=True, help="Also the sealed events, byte by byte: recompute their digests.")
@click.option("--expect", metavar="DIGEST", help="With --events: this digest, printed by a seal, must be in the chain.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def verify(
    *,
    schema_only: bool,
    stream: str | None,
    events: bool,
    expect: str | None,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Prove that schema and data are as they should be.

    The schema is compared with what the migrations left. Of the data every event is read, but no payload: the versions
    of each stream, its times, months and contexts, ids used twice, snapshots and keys beyond their stream. --events
    adds what is sealed, payloads too, against the digests in the seals. Appends go on meanwhile. Prints a line for each
    fault, of each kind the first hundred, and exits 3, or prints ok.
    """
    if sum((schema_only, stream is not None, events)) > 1:
        raise click.UsageError("Give only one of --schema-only, --stream and --events.")
    if expect is not None and not events:
        raise click.UsageError("--expect needs --events.")
    expected_digest = _digest(expect)
    with connect(database_url) as connection:
        found = _check(connection, stream, schema_only=schema_only)
        if events:
            _check_events(connection, found, expected_digest)
    if as_json:
        print_json({"ok": not found.faults, "faults": found.faults, "left_out": dict(found.left_out)})
    else:
        _print(found)
    if found.faults:
        raise click.exceptions.Exit(EXIT_PENDING)


def _digest(text: str | None) -> bytes | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", text.strip()):
        raise click.UsageError("--expect is no digest: 64 hexadecimal digits, as `esdb partitions seal` prints them.")
    return bytes.fromhex(text.strip())


def _check(connection: psycopg.Connection[Any], stream: str | None, *, schema_only: bool) -> Found:
    """Make the checks asked for; the data's only where there is a store."""
    from esdb_cli.data_checks import DataChecks, Found
    from esdb_cli.verification import faults, is_installed

    found = Found()
    installed = is_installed(connection)
    if stream is not None and not installed:
        raise CliError("there is no store in this database", hint=NO_STORE)
    if stream is None:
        found.add(faults(connection))
    if not installed:
        say(f"there is no store in this database\nhint: {NO_STORE}")
    elif not schema_only:
        _run(DataChecks(connection, found, stream), "reading events")
    return found


def _check_events(connection: psycopg.Connection[Any], found: Found, expected_digest: bytes | None) -> None:
    """Recompute what the seals say; where there is no store, nothing is as expected."""
    from esdb_cli.seal_checks import SealChecks
    from esdb_cli.verification import is_installed

    if is_installed(connection):
        _run(SealChecks(connection, found, expected_digest), "recomputing digests")
    elif expected_digest is not None:
        raise CliError("there is no store in this database", hint=NO_STORE)


def _run(checks: DataChecks | SealChecks, label: str) -> None:
    """Make the checks, with a bar on a terminal."""
    if not sys.stderr.isatty():
        for _ in checks.run():
            pass
        return
    with click.progressbar(length=checks.size, label=label, file=sys.stderr) as bar:
        for done in checks.run():
            bar.update(done)


def _print(found: Found) -> None:
    for fault in found.faults:
        click.echo(printable(f"{fault['kind']} {fault['name']}: {fault['fault']}"))
    for kind, count in found.left_out.items():
        click.echo(f"{kind}: and {count} more")
    if not found.faults:
        click.echo("ok")
