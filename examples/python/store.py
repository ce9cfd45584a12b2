"""An application's write path: load, decide, append, and try again in the right way. It needs nothing but psycopg."""

import logging
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

ATTEMPTS = 10
LOAD = "select version, events from esdb.load_aggregate(aggregate_id => %(stream)s)"
APPEND = """
    select id, version, "position", "timestamp"
    from esdb.append_events(
        aggregate_id => %(stream)s, events => %(events)s, expected_version => %(version)s,
        bounded_context => 's', group_context => 'm', aggregate_type => 'show')
"""

Event = dict[str, Any]
log = logging.getLogger(__name__)


class VersionConflict(psycopg.DatabaseError, code="SE001"):
    """Somebody else has appended since the stream was loaded. psycopg raises it, as the next two, by itself."""


class StreamDeleted(psycopg.DatabaseError, code="SE002"):
    """The stream is deleted."""


class PartitionSealed(psycopg.DatabaseError, code="SE012"):
    """The append met a month that was just closed."""


class Store:
    """The store through one connection, which is made anew when it breaks. For one thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[DictRow] | None = None

    def load(self, stream: str) -> tuple[int, list[Event]]:
        """Give a stream's version, 0 if there is none, and its events."""
        (row,) = self._call(LOAD, {"stream": stream})
        return row["version"], row["events"]

    def change(self, stream: str, decide: Callable[[list[Event]], list[Event]]) -> list[Event]:
        """Append what decide() makes of a stream's events, and give it; after a version conflict decide anew."""
        for attempt in range(ATTEMPTS):
            version, events = self.load(stream)
            # The ids are made once a decision: by them the store knows a repeated call.
            decided = [{"id": str(uuid.uuid4()), **event} for event in decide(events)]
            if not decided:
                return []
            try:
                rows = self._call(APPEND, {"stream": stream, "events": Jsonb(decided), "version": version})
            except VersionConflict as conflict:
                log.info("somebody else was quicker: %s", conflict.diag.message_detail)
                _pause(attempt)
            else:
                return [{**event, **row} for event, row in zip(decided, rows, strict=True)]
        raise RuntimeError(f"{stream} changes too often")

    def _call(self, query: str, arguments: dict[str, Any]) -> list[DictRow]:
        """Run a statement; after a lost connection, a deadlock and the like run the very same again.

        An append whose answer was lost may be committed or not. If it is, the store finds the ids and gives the first
        result. If it is not, it fits still, or somebody else has passed its version: then it never will be.
        """
        for attempt in range(ATTEMPTS):
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
                return self._connection.execute(query, arguments).fetchall()
            except (psycopg.OperationalError, PartitionSealed) as error:
                log.info("calling again: %s", error)
                last = error
                _pause(attempt)
        raise last


def _pause(attempt: int) -> None:
    """Wait for a time that grows and differs from process to process."""
    time.sleep(random.uniform(0, min(0.02 * 2**attempt, 1)))
