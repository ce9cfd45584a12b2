"""`esdb read` and `esdb info`: streams and the whole store, page by page through the store's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from esdb_cli.arguments import BIGINT, ISO_8601, MAX_COUNT
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import CliError
from esdb_cli.output import Table, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from esdb_cli.db import Row

PAGE = 1000
_STREAM_COLUMNS = ("version", "position", "timestamp", "event_type", "payload")
ALL_COLUMNS = ("position", "timestamp", "aggregate_id", "version", "event_type", "payload")
# The server writes the JSON, so that no number of a payload is rounded on its way.
SELECTED = (
    'result."position", result."timestamp", result.aggregate_id, result.version, result.event_type,'
    " result.payload::text as payload, pg_catalog.row_to_json(result)::text as json"
)
_INFO = (
    "aggregate_id", "aggregate_type", "bounded_context", "group_context", "version", "created_at", "updated_at",
    "deleted_at", "snapshot_version",
)  # fmt: skip


@click.command()
@click.argument("stream", required=False)
@click.option("--all", "everything", is_flag=True, help="Read every event in the store's order, up to the mark.")
@click.option("--from", "from_version", type=BIGINT, help="First version of the stream  [default: 1].")
@click.option("--to", "to_version", type=BIGINT, help="Last version of the stream.")
@click.option("--as-of", type=ISO_8601, help="Only what the stream held at this time.")
@click.option("--include-deleted", is_flag=True, help="Show a deleted stream too.")
@click.option("--after", "after_position", type=BIGINT, help="With --all: only above this position  [default: 0].")
@click.option("--up-to", "up_to_position", type=BIGINT, help="With --all: only up to this position.")
@click.option("--context", "bounded_contexts", multiple=True, help="With --all: bounded context; can be repeated.")
@click.option("--group", "group_contexts", multiple=True, help="With --all: group context; can be repeated.")
@click.option("--feature", "feature_contexts", multiple=True, help="With --all: feature context; can be repeated.")
@click.option("--type", "event_types", multiple=True, help="With --all: event type; can be repeated.")
@click.option("--aggregate-type", "aggregate_types", multiple=True, help="With --all: aggregate type; can be repeated.")
@click.option("--max-count", "--limit", type=MAX_COUNT, help="At most so many events  [default: all].")
@click.option("--backward", is_flag=True, help="Newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, with every column.")
@database_option
def read(
    *,
    stream: str | None,
    everything: bool,
    max_count: int | None,
    backward: bool,
    as_json: bool,
    database_url: str | None,
    **options: Any,
) -> None:
    """Read a stream, or every event in order.

    Events are fetched page by page and printed as they come.
    """
    if everything == (stream is not None):
        raise click.UsageError("Give either STREAM or --all.")
    scope = _ALL if everything else _STREAM
    _refuse_options_of_the_other(scope, options)
    with connect(database_url) as connection:
        arguments: dict[Any, Any] = {name: options[name] for name in scope}
        if everything:
            pages = _pages_of_all(connection, arguments, max_count, backward=backward)
        else:
            arguments |= {"aggregate_id": stream}
            pages = _pages_of_stream(connection, arguments, max_count, backward=backward)
        _print_pages(pages, ALL_COLUMNS if everything else _STREAM_COLUMNS, as_json=as_json)


_STREAM = {"from_version": "--from", "to_version": "--to", "as_of": "--as-of", "include_deleted": "--include-deleted"}
_ALL = {
    "after_position": "--after",
    "up_to_position": "--up-to",
    "bounded_contexts": "--context",
    "group_contexts": "--group",
    "feature_contexts": "--feature",
    "event_types": "--type",
    "aggregate_types": "--aggregate-type",
}


def _refuse_options_of_the_other(scope: dict[str, str], options: dict[str, Any]) -> None:
    given = {name for name, value in options.items() if value is not None and value is not False and value != ()}
    strange = [flag for name, flag in (_STREAM | _ALL).items() if name not in scope and name in given]
    if strange:
        belongs = "a stream" if scope is _ALL else "--all"
        raise click.UsageError(f"{', '.join(strange)}: only for {belongs}.")


def _pages_of_stream(
    connection: psycopg.Connection[Any], arguments: dict[Any, Any], max_count: int | None, *, backward: bool
) -> Iterator[list[Row]]:
    """Yield a stream's pages; the bound moves past what was read."""
    arguments = {**arguments, "backward": backward}
    for page in _pages(connection, "esdb.read_stream", arguments, max_count):
        yield page
        last = page[-1]["version"]
        arguments["to_version" if backward else "from_version"] = last - 1 if backward else last + 1


def _pages_of_all(
    connection: psycopg.Connection[Any], arguments: dict[Any, Any], max_count: int | None, *, backward: bool
) -> Iterator[list[Row]]:
    """Yield pages up to the high-water mark as it was at the start; the mark is a statement of its own."""
    with connection.transaction():
        row = connection.execute("select esdb.high_water_mark()").fetchone()
    mark = row[0] if row else 0
    up_to = arguments["up_to_position"]
    arguments = {**arguments, "backward": backward, "up_to_position": mark if up_to is None else min(up_to, mark)}
    for page in _pages(connection, "esdb.read_all", arguments, max_count):
        yield page
        last = page[-1]["position"]
        arguments["up_to_position" if backward else "after_position"] = last - 1 if backward else last


def _pages(
    connection: psycopg.Connection[Any], function: Any, arguments: dict[Any, Any], max_count: int | None
) -> Iterator[list[Row]]:
    """Call a reader for page after page until one is short; who consumes a page moves the bounds in arguments."""
    left = max_count
    while left is None or left > 0:
        wanted = PAGE if left is None else min(PAGE, left)
        with connection.transaction():
            page = rows(connection, call(function, {**arguments, "max_count": wanted}, SELECTED))
        if page:
            yield page
        if len(page) < wanted:
            return
        if left is not None:
            left -= len(page)


def _print_pages(pages: Iterator[list[Row]], columns: tuple[str, ...], *, as_json: bool) -> None:
    table = Table(columns)
    for page in pages:
        if as_json:
            for row in page:
                click.echo(row["json"])
        else:
            table.print(page)


@click.command()
@click.argument("stream")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def info(*, stream: str, as_json: bool, database_url: str | None) -> None:
    """Show what the store knows of a stream."""
    with connect(database_url) as connection:
        found = rows(connection, call("esdb.get_stream_info", {"aggregate_id": stream}))
    if not found:
        raise CliError(f"there is no stream {stream!r}")
    (row,) = found
    if as_json:
        print_json(row)
    else:
        print_table([{"what": name, "value": row[name]} for name in _INFO], ["what", "value"])
