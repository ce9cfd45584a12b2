"""`esdb tail`: the newest events, and those that come, through restarts of the server."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.arguments import BIGINT
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import CliError
from esdb_cli.events import ALL_COLUMNS, PAGE, SELECTED
from esdb_cli.output import Table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from esdb_cli.db import Row

CHANNEL: Final = "esdb"
_SOON_SECONDS: Final = 0.025
_LONGEST_PAUSE_SECONDS: Final = 5.0


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with the events that come.")
@click.option("--from", "from_position", type=BIGINT, help="Begin behind this position; 0: with the first event.")
@click.option(
    "--lines", "-n", type=click.IntRange(0, PAGE), default=10, show_default=True, help="Without --from: so many."
)
@click.option("--context", "bounded_contexts", multiple=True, help="Bounded context; can be repeated.")
@click.option("--group", "group_contexts", multiple=True, help="Group context; can be repeated.")
@click.option("--feature", "feature_contexts", multiple=True, help="Feature context; can be repeated.")
@click.option("--type", "event_types", multiple=True, help="Event type; can be repeated.")
@click.option("--aggregate-type", "aggregate_types", multiple=True, help="Aggregate type; can be repeated.")
@click.option(
    "--poll",
    type=click.FloatRange(0.01, 3600),
    default=1.0,
    show_default=True,
    help="Look at least every so many seconds.",
)
@click.option("--no-listen", is_flag=True, help="With --follow: poll only, as behind a pooler in transaction mode.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, with every column.")
@database_option
def tail(
    *,
    follow: bool,
    from_position: int | None,
    lines: int,
    poll: float,
    no_listen: bool,
    as_json: bool,
    database_url: str | None,
    **filters: Any,
) -> None:
    """Show the newest events, and those that come.

    With --follow it goes on, also when the server was restarted, and shows each event once and in order. On a standby
    it polls.
    """
    feed = _Feed(filters)
    show = _printer(as_json=as_json)
    with connect(database_url) as connection:
        show(feed.begin(connection, from_position, lines))
        # who follows reads it where a connection that breaks is made anew
        for page in [] if follow else feed.pages(connection):
            show(page)
    if follow:
        _follow(feed, database_url, show, poll=poll, listens=not no_listen)


def _printer(*, as_json: bool) -> Callable[[list[Row]], None]:
    table = Table(ALL_COLUMNS)

    def show(page: list[Row]) -> None:
        if as_json:
            for row in page:
                click.echo(row["json"])
        elif page:
            table.print(page)
        # who reads the pipe sees it now
        sys.stdout.flush()

    return show


class _Feed:
    """A place in the feed; it moves behind a page when the next one is asked for."""

    def __init__(self, filters: dict[str, Any]) -> None:
        self._filters: dict[Any, Any] = filters
        self._cursor = 0

    def begin(self, connection: psycopg.Connection[Any], from_position: int | None, lines: int) -> list[Row]:
        """Take the place to begin at; return the newest events before it."""
        if from_position is not None:
            self._cursor = from_position
            return []
        self._cursor = self._mark(connection)
        if lines == 0:
            return []
        newest = {**self._filters, "max_count": lines, "backward": True, "up_to_position": self._cursor}
        return rows(connection, call("esdb.read_all", newest, SELECTED))[::-1]

    def pages(self, connection: psycopg.Connection[Any]) -> Iterator[list[Row]]:
        """Yield what there is up to the mark."""
        mark = self._mark(connection)
        if mark < self._cursor:
            # raises where no such position was ever drawn: the store lost events, or it is another one
            rows(connection, call("esdb.read_all", {"after_position": self._cursor, "max_count": 1}))
        while self._cursor < mark:
            wanted = {**self._filters, "after_position": self._cursor, "max_count": PAGE, "up_to_position": mark}
            page = rows(connection, call("esdb.read_all", wanted, SELECTED))
            yield page
            self._cursor = page[-1]["position"] if len(page) == PAGE else mark

    def is_behind(self, connection: psycopg.Connection[Any]) -> bool:
        """Tell whether positions were drawn that are not read: they may become visible any moment."""
        row = connection.execute("select esdb.last_position() > %s", (self._cursor,)).fetchone()
        return row is not None and bool(row[0])

    @staticmethod
    def _mark(connection: psycopg.Connection[Any]) -> int:
        row = connection.execute("select esdb.high_water_mark()").fetchone()
        return row[0] if row else 0


def _follow(
    feed: _Feed, database_url: str | None, show: Callable[[list[Row]], None], *, poll: float, listens: bool
) -> None:
    """Show what comes, for ever; a connection that breaks is made anew, also after a read that has to be repeated."""
    import psycopg

    pause = 0.1
    while True:
        try:
            with connect(database_url) as connection:
                pause = 0.1
                if listens and not _is_standby(connection):
                    connection.execute(f"listen {CHANNEL}")
                _watch(feed, connection, show, poll)
        except psycopg.errors.SerializationFailure as error:
            # a standby cancelled it, or the mark stepped back in a read-only transaction
            say(f"trying again: {str(error).splitlines()[0]}")
        except (psycopg.OperationalError, CliError) as error:
            if isinstance(error, psycopg.OperationalError) and not connection.broken:
                raise
            say(f"the connection broke; trying again: {str(error).splitlines()[0]}")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _is_standby(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the server is a standby, which passes no notifications on."""
    row = connection.execute("select pg_is_in_recovery()").fetchone()
    return row is not None and bool(row[0])


def _watch(feed: _Feed, connection: psycopg.Connection[Any], show: Callable[[list[Row]], None], poll: float) -> None:
    while True:
        woken = any(True for _ in connection.notifies(timeout=0, stop_after=1))
        for page in feed.pages(connection):
            show(page)
        soon = woken or feed.is_behind(connection)
        for _ in connection.notifies(timeout=min(_SOON_SECONDS, poll) if soon else poll, stop_after=1):
            break
