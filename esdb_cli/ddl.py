"""Transactions of DDL: locks asked for briefly, and again after a pause."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

LOCK_TIMEOUT: Final = "500ms"
"""How long one attempt may make an append wait for the DDL, which waits for appends in progress."""
LONGEST_PAUSE_SECONDS: Final = 2.0
LOCKED_OUT: Final = (
    "see which transactions are open:\n"
    "select pid, state, xact_start, query from pg_stat_activity where xact_start is not null order by xact_start;\n"
    "and which are prepared: select gid, prepared from pg_prepared_xacts;"
)


@contextmanager
def brief(connection: Connection[Any], statement_timeout: str | None = None) -> Iterator[None]:
    """Be in a transaction that waits for no lock longer than LOCK_TIMEOUT."""
    with connection.transaction():
        connection.execute("set local search_path = pg_catalog, pg_temp")  # its operators
        connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
        if statement_timeout is not None:
            connection.execute("select set_config('statement_timeout', %s, true)", (statement_timeout,))
        yield


@contextmanager
def turn(connection: Connection[Any], statement_timeout: str | None = None) -> Iterator[None]:
    """Be in such a transaction that holds the maintenance lock, too: the partitions are nobody else's meanwhile."""
    with brief(connection, statement_timeout):
        connection.execute("select esdb._lock_maintenance()")
        yield


class Patience:
    """Pauses between attempts, each longer than the one before, until a number of seconds is over."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pause = 0.05

    def pause(self) -> bool:
        """Wait for the next attempt; False, at once, when there is no time left for it."""
        if time.monotonic() + self._pause > self._deadline:
            return False
        time.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        return True
