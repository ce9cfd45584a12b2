"""What only one run at a time may do, in statements outside of transactions: a lock of the session, and its timeout."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, LiteralString

from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

OPEN_TRANSACTIONS: Final = (
    "it waits for transactions that are open; see which:\n"
    "select pid, state, xact_start, query from pg_stat_activity where xact_start is not null order by xact_start;\n"
    "then run the command again: what is done stays done"
)


class BusyError(CliError):
    """Another run is at work."""

    def __init__(self, command: str) -> None:
        """Name the command."""
        hint = "let it end, then run the command again"
        super().__init__(f"another `{command}` is at work", EXIT_LOCK_TIMEOUT, hint=hint)


@contextmanager
def alone(
    connection: Connection[Any], key: LiteralString, *, command: str, wait: float, statement_timeout: str = "0"
) -> Iterator[None]:
    """Be the only run of a command, and let no statement wait longer for a lock: both are the session's, and end here.

    key: of the advisory lock, an SQL expression. wait: seconds. Raises CliError through a pooler, BusyError when
    another run is at work for longer than that, and CliError with exit 4 when a statement waits for longer.
    """
    from psycopg import errors

    _refuse_pooler(connection)
    # 0 would mean for ever
    connection.execute("select set_config('lock_timeout', %s, false)", (f"{max(1, int(wait * 1000))}ms",))
    connection.execute("select set_config('statement_timeout', %s, false)", (statement_timeout,))
    connection.execute("set search_path = pg_catalog, pg_temp")
    try:
        _lock(connection, key, command, time.monotonic() + wait)
        try:
            yield
        finally:
            _unless_broken(connection, f"select pg_advisory_unlock({key})")
    except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
        message = f"a lock was not obtained within {wait:g} seconds"
        raise CliError(message, EXIT_LOCK_TIMEOUT, hint=OPEN_TRANSACTIONS) from error
    finally:
        _unless_broken(connection, "reset lock_timeout; reset statement_timeout; reset search_path")


def _refuse_pooler(connection: Connection[Any]) -> None:
    """Refuse a connection whose server process is not the one it began with: a pooler stands in between.

    The statements run outside of transactions, where a lock and its timeout belong to the session, and a pooler would
    leave both to the next client.
    """
    row = connection.execute("select pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        raise CliError(
            "this command does not work through a connection pooler",
            hint="give the server's own address: its locks last longer than a transaction",
        )


def _lock(connection: Connection[Any], key: LiteralString, command: str, deadline: float) -> None:
    """Let no second run in. It is asked for again and again: a statement that waits for it would hold up the first."""
    while True:
        row = connection.execute(f"select pg_try_advisory_lock({key})").fetchone()
        if row and row[0]:
            return
        if time.monotonic() > deadline:
            raise BusyError(command)
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311 - jitter


def _unless_broken(connection: Connection[Any], statement: LiteralString) -> None:
    if not connection.broken:
        connection.execute(statement)
