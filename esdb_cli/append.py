"""`esdb append`: one event, or a batch, through esdb.append_event() and esdb.append_events()."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from esdb_cli.arguments import BIGINT, ISO_8601, SCHEMA_VERSION
from esdb_cli.calls import Json, call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.output import print_json, print_table

if TYPE_CHECKING:
    from esdb_cli.calls import Time
    from esdb_cli.db import Row

_COLUMNS = ("version", "position", "timestamp", "id")


@click.command()
@click.argument("stream")
@click.argument("event_type", metavar="[TYPE]", required=False)
@click.argument("payload", required=False)
@click.option("--batch", is_flag=True, help="Read events from stdin: a JSON array, or an object a line.")
@click.option("--expected-version", type=BIGINT, help="0: no stream yet; n: exactly n; -1: any existing stream.")
@click.option("--context", "bounded_context", help="Bounded context (its code), for a new stream.")
@click.option("--group", "group_context", help="Group context (its code).")
@click.option("--feature", "feature_context", help="Feature context: c, u, d, r or one of your own.")
@click.option("--action", "action_type", help="Action type.")
@click.option("--aggregate-type", help="Aggregate type, for a new stream.")
@click.option("--metadata", metavar="JSON", help="Metadata, a JSON object; in a batch it lies under each event's own.")
@click.option("--id", "event_id", help="The event's id; without it the server makes one.")
@click.option("--schema-version", type=SCHEMA_VERSION, help="Version of the payload's shape  [default: 1].")
@click.option("--occurred-at", type=ISO_8601, help="Business time, such as 2026-11-21T09:00:00Z.")
@click.option("--idempotency-key", help="Makes a repeated call return the first result.")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and append nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@database_option
def append(  # noqa: PLR0913  (an option each)
    *,
    stream: str,
    event_type: str | None,
    payload: str | None,
    batch: bool,
    metadata: str | None,
    event_id: str | None,
    schema_version: int | None,
    occurred_at: Time | None,
    dry_run: bool,
    as_json: bool,
    database_url: str | None,
    **common: Any,
) -> None:
    """Append one event, or a batch, to a stream.

    PAYLOAD is a JSON object; left out or - it is read from stdin. With --batch each event is an object with the keys
    event_type and payload, and optionally id, metadata, group_context, feature_context, action_type, schema_version
    and occurred_at; all are appended or none.
    """
    own = {
        "id": event_id,
        "schema_version": schema_version,
        "occurred_at": occurred_at,
    }
    common["metadata"] = Json(_checked(metadata, "--metadata")) if metadata is not None else None
    if batch:
        _refuse_single_event_arguments({"TYPE": event_type, "PAYLOAD": payload, **own})
        events = Json(_events(sys.stdin.read()))
        statement = call("esdb.append_events", {"aggregate_id": stream, "events": events, **common})
    else:
        if event_type is None:
            raise click.UsageError("Missing argument 'TYPE' (or the option --batch).")
        text = sys.stdin.read() if payload is None or payload == "-" else payload
        event = {"aggregate_id": stream, "event_type": event_type, "payload": Json(_checked(text, "PAYLOAD"))}
        statement = call("esdb.append_event", {**event, **common, **own})
    if dry_run:
        click.echo(f"{statement.as_string()};")
        return
    _print(_run(database_url, statement), as_json=as_json)


def _run(database_url: str | None, statement: Any) -> list[Row]:
    with connect(database_url) as connection, connection.transaction():
        return rows(connection, statement)


def _print(appended: list[Row], *, as_json: bool) -> None:
    if as_json:
        for row in appended:
            print_json(row)
    else:
        print_table(appended, _COLUMNS)


def _refuse_single_event_arguments(given: dict[str, object]) -> None:
    if names := [name for name, value in given.items() if value is not None]:
        raise click.UsageError(f"With --batch each event says for itself: {', '.join(names)}.")


def _events(text: str) -> str:
    """Return the text of a JSON array, made from the lines where the input is an object a line."""
    if text.lstrip().startswith("["):
        return _checked(text, "the batch")
    lines = [
        _checked(line, f"line {number} of the batch") for number, line in enumerate(text.split("\n"), 1) if line.strip()
    ]
    return f"[{','.join(lines)}]"


def _checked(text: str, what: str) -> str:
    """Return JSON text as it is, so that no number is rounded; raises UsageError where it is not JSON."""
    try:
        json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{what} is not JSON: {error}") from None
    except RecursionError:
        raise click.UsageError(f"{what} is nested too deeply.") from None
    return text
