"""A limit to how long work on a connection may take, whatever the server does."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self

import click

if TYPE_CHECKING:
    import psycopg

_GRACE_SECONDS: Final = 1.0
"""How long a statement gets to end once it is cancelled."""

timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take in all.",
)


class Deadline:
    """Cancels what a connection is at when the time is up, and then cuts the connection.

    statement_timeout ends neither a commit's wait for a synchronous standby nor that for a server which is stopped.
    """

    def __init__(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        self.seconds = seconds
        self._connection = connection
        self._passed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def is_past(self) -> bool:
        """Whether the time is up."""
        return self._passed.is_set()

    def _watch(self) -> None:
        if self._ended.wait(self.seconds):
            return
        self._passed.set()
        with contextlib.suppress(Exception):
            self._connection.cancel_safe(timeout=_GRACE_SECONDS)
        if not self._ended.wait(_GRACE_SECONDS):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Let the time begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the connection be."""
        self._ended.set()
        self._thread.join()


@contextlib.contextmanager
def connected_within(seconds: float, url: str | None) -> Iterator[tuple[psycopg.Connection[Any], Deadline]]:
    """Connect, and give the connection with its deadline."""
    from esdb_cli.db import connect

    # libpq's shortest limit is two seconds
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(max(2, round(seconds))))
    with connect(url) as connection, Deadline(connection, seconds) as deadline:
        yield connection, deadline
