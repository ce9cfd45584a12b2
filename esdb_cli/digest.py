"""The digest of a table's events by esdb_meta.digest_events(): page by page, each read in a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from esdb_cli.db import rows

if TYPE_CHECKING:
    from psycopg import Connection

    from esdb_cli.db import Row

EVENTS_AT_ONCE: Final = 100_000
"""Events that are digested in one transaction: about a second."""
PAGE: Final[LiteralString] = "esdb_meta.digest_events(%s::regclass, %s, %s, %s)"
"""The call that reads a page, with the places for its arguments."""


class TableDigest:
    """The digest of a table's events as far as they are read, and how many those are."""

    def __init__(self, table: int | str) -> None:
        """Begin with the first event; table: its number or name."""
        self.value: bytes | None = None
        self.event_count = 0
        self.is_complete = False
        self._table = table
        self._last_position = 0

    @property
    def arguments(self) -> tuple[object, ...]:
        """The arguments of the call that reads the next page."""
        return self._table, self.value, self._last_position, EVENTS_AT_ONCE

    def add(self, page: Row) -> int:
        """Take what that call returned, and return how many events the page has."""
        count: int = page["event_count"]
        self.value, self._last_position = page["digest"], page["last_position"]
        self.event_count += count
        self.is_complete = count < EVENTS_AT_ONCE
        return count

    def read_page(self, connection: Connection[Any]) -> None:
        """Read the next page."""
        (page,) = rows(connection, f"select * from {PAGE}", self.arguments)  # noqa: S608  (one of ours)
        self.add(page)
