"""DDL: its transactions, run or as text for psql; locks are asked for briefly, and again after a pause."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    from esdb_cli.db import Row

LOCK_TIMEOUT: Final = "500ms"
"""How long one attempt may make an append wait for the DDL, which waits for appends in progress."""
LONGEST_PAUSE_SECONDS: Final = 2.0
OUTSIDE: Final = frozenset({"detach_partition", "finalize_detach", "vacuum_partition"})
"""Steps that no transaction may be around."""
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
def patient(connection: Connection[Any], wait: float, failure: str) -> Iterator[None]:
    """Be in a transaction that waits `wait` seconds for a lock, and no longer: then CliError, exit 4."""
    from psycopg import errors

    try:
        with connection.transaction():
            # 0 would mean for ever
            connection.execute("select set_config('lock_timeout', %s, true)", (f"{max(1, round(wait * 1000))}ms",))
            yield
    except errors.LockNotAvailable as error:
        raise CliError(f"{failure} within {wait:g} seconds", EXIT_LOCK_TIMEOUT, hint=LOCKED_OUT) from error


@contextmanager
def turn(connection: Connection[Any], statement_timeout: str | None = None) -> Iterator[None]:
    """Be in such a transaction that holds the maintenance lock, too: the partitions are nobody else's meanwhile."""
    with brief(connection, statement_timeout):
        connection.execute("select esdb._lock_maintenance()")
        yield


def phases(steps: list[Row]) -> Iterator[list[Row]]:
    """Split a plan into what belongs together: the steps of a transaction, or one that is outside of any."""
    for _, phase in groupby(steps, lambda step: (step["partition"], step["phase"])):
        yield list(phase)


def script_of(steps: list[Row], statement: Callable[[Row], str], remark: Callable[[Row], str | None]) -> str:
    """Return a plan as SQL for psql.

    statement: gives a step's SQL. remark: gives the comment that stands for a step which is no SQL, None for others.
    """
    texts = []
    for phase in phases(steps):
        if instead := remark(phase[0]):
            texts.append(instead)
        elif phase[0]["action"] in OUTSIDE:
            texts.append(statement(phase[0]))
        else:
            texts.append(transaction("".join(map(statement, phase))))
    return "\n".join(texts)


def transaction(body: str) -> str:
    """Return statements as a transaction that holds the maintenance lock, for psql."""
    return f"begin;\nselect esdb._lock_maintenance();\n{body}commit;\n"


def carry_out(
    connection: Connection[Any], next_phase: Callable[[], list[Row]], *, wait: float, failure: str
) -> list[Row]:
    """Carry out phase after phase of DDL until nothing is due; return the steps taken.

    Each phase is a transaction that holds the maintenance lock. Locks are asked for briefly and again later, for `wait`
    seconds in all, because while DDL waits for an append in progress, the appends behind it wait too.
    """
    from psycopg import errors

    patience = Patience(wait)
    done: list[Row] = []
    while True:
        try:
            with turn(connection):
                steps = next_phase()
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.CheckViolation) as error:
            # CheckViolation: an event came into the overflow while it stepped aside; the next plan knows of it.
            patience.pause_after(error, failure)
            continue
        if not steps:
            return done
        done += steps


class Patience:
    """Pauses between attempts, each longer than the one before, until a number of seconds is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._pause = 0.05

    def pause(self) -> bool:
        """Wait for the next attempt; False, at once, when there is no time left for it."""
        if time.monotonic() + self._pause > self._deadline:
            return False
        time.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        return True

    def pause_after(self, error: Exception, failure: str) -> None:
        """Wait for the next attempt after a lock was not to be had; CliError (exit 4) when no time is left for it."""
        if not self.pause():
            message = f"{failure} within {self._seconds:g} seconds"
            raise CliError(message, EXIT_LOCK_TIMEOUT, hint=LOCKED_OUT) from error
