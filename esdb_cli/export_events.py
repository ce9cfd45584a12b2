"""`esdb export`: events as lines of JSON, in the store's order, page by page through esdb.read_all()."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import click

from esdb_cli.arguments import BIGINT, ISO_8601
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option
from esdb_cli.output import say
from esdb_cli.progress import Progress
from esdb_cli.turns import Turns

if TYPE_CHECKING:
    import psycopg

_PAGE: Final = 5000
_PAGE_BYTES: Final = 4 << 20
_WIDEST: Final = 1 << 50


@click.command()
@click.argument("file", type=click.File("wb"), default="-")
@click.option("--context", "bounded_contexts", multiple=True, help="Only this bounded context; can be repeated.")
@click.option("--type", "event_types", multiple=True, help="Only this event type; can be repeated.")
@click.option("--since", type=ISO_8601, metavar="TIME", help="Only events of this time or later, by their timestamp.")
@click.option("--until", type=ISO_8601, metavar="TIME", help="Only events before this time.")
@click.option("--after-position", type=BIGINT, default=0, show_default=True, help="Only above this position.")
@click.option("--up-to-position", type=BIGINT, help="Only up to this position  [default: the high-water mark].")
@click.option("--skip-archived", is_flag=True, help="Leave archived events out instead of refusing (SE013).")
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="Pages read at a time.")
@database_option
def export(
    *,
    file: IO[bytes],
    after_position: int,
    up_to_position: int | None,
    jobs: int,
    database_url: str | None,
    **filters: Any,
) -> None:
    """Write events as lines of JSON, in order.

    To FILE, or stdout: a JSON object a line, in the store's order, all columns of each event, times in UTC. This is
    what `esdb import` takes, and what archives hold. What is appended after the start is not in it. Only short
    transactions are open, however long it takes.
    """
    begun = time.monotonic()
    mark = _mark(database_url)
    end = mark if up_to_position is None else min(up_to_position, mark)
    run = _Export(database_url, file, after_position, end, filters)
    try:
        run.write(jobs)
    finally:
        run.progress.close()
    seconds = time.monotonic() - begun
    say(f"exported {run.events:,} events in {seconds:.1f} s ({run.events / seconds:,.0f}/s), up to position {end}")


@dataclass
class _Window:
    """A stretch of positions that one thread reads: above `after`, up to `end`."""

    index: int
    after: int
    end: int


class _Page(NamedTuple):
    """What esdb._export_page() returns."""

    lines: bytes | None
    line_count: int
    last_position: int
    page_count: int
    has_more: bool
    is_cut: bool


class _Export:
    """An export of the positions above `after`, up to `end`.

    The positions are cut into windows, read side by side and written in order. Where they hold little, because of a
    filter or of a gap, windows get wider, and a window that holds more than a page is read page by page. A page is
    bounded in events and in bytes.
    """

    def __init__(self, url: str | None, file: IO[bytes], after: int, end: int, filters: dict[Any, Any]) -> None:
        self.events = 0
        self.progress = Progress(max(end - after, 1))
        self._url = url
        self._file = file
        self._begin = after
        self._next = after
        self._end = end
        self._filters = filters
        self._gaps = _gaps(url)
        self._width = _PAGE
        self._count = _PAGE
        self._index = 0
        self._cutting = threading.Lock()
        self._turns = Turns()

    def write(self, jobs: int) -> None:
        """Write everything."""
        self._turns.run(jobs, self._work)
        self._file.flush()

    def _work(self) -> None:
        with connect(self._url) as connection:
            while not self._turns.has_failed and (window := self._cut()):
                page = self._read(connection, window)
                self._turns.wait_for(window.index)
                while True:
                    if page.lines:
                        self._file.writelines((page.lines, b"\n"))
                    self.events += page.line_count
                    if not page.has_more:
                        break
                    window.after = page.last_position
                    self.progress.update(window.after - self._begin, self.events)
                    page = self._read(connection, window)
                self.progress.update(window.end - self._begin, self.events)
                self._turns.finish()

    def _cut(self) -> _Window | None:
        with self._cutting:
            if self._next >= self._end:
                return None
            end = self._end_of_window()
            window = _Window(self._index, self._next, end)
            self._next, self._index = end, self._index + 1
            return window

    def _end_of_window(self) -> int:
        """Return where the next window ends: none begins among positions that may be lost, which are no cursors."""
        end = min(self._next + self._width, self._end)
        for resume, last, first in self._gaps:
            if last == self._next:
                return min(first - 1, self._end)
            if self._next < last and resume < end:
                end = min(last, self._end)
        return end

    def _read(self, connection: psycopg.Connection[Any], window: _Window) -> _Page:
        """Read a page of a window, and make the next windows wider or narrower by what was in it."""
        arguments = {
            **self._filters, "after_position": window.after, "up_to_position": window.end,
            "max_count": self._count, "max_bytes": _PAGE_BYTES,
        }  # fmt: skip
        with connection.transaction(), connection.cursor(binary=True) as cursor:
            row = cursor.execute(call("esdb._export_page", arguments)).fetchone()
        if row is None:
            raise AssertionError("a function returns a row")
        page = _Page(*row)
        with self._cutting:
            # large events: pages of fewer
            self._count = max(page.page_count, 1) if page.is_cut else min(self._count * 2, _PAGE)
            if page.has_more:
                self._width = _PAGE
            elif page.page_count < _PAGE // 4 and window.end - window.after >= self._width:
                self._width = min(self._width * 2, _WIDEST)
        return page


def _gaps(database_url: str | None) -> list[tuple[int, int, int]]:
    """Return what each epoch, one that is not noted yet, too, may have lost: resume_after, last and first position."""
    query = """
        select resume_after, last_position, first_position
        from esdb._lost_ranges()
        where last_position < first_position - 1
    """
    with connect(database_url) as connection:
        return sorted(connection.execute(query).fetchall())


def _mark(database_url: str | None) -> int:
    with connect(database_url) as connection, connection.transaction():
        row = connection.execute("select esdb.high_water_mark()").fetchone()
    return row[0] if row else 0
