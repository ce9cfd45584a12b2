"""`esdb`, which kills itself at its n-th moment: `python -m tests.archive_killer N partitions archive …`.

A moment is after each statement (inside a transaction: before its commit), after each transaction, and before and after
each file is renamed or flushed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import psycopg

from esdb_cli.main import main


class Killer:
    """Counts moments, and kills the process at one of them."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def moment(self) -> None:
        """Count a moment."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any], *, before: bool = False) -> Callable[..., Any]:
        """Give a function with a moment after it, and one before it if told."""

        def counted(*arguments: Any, **options: Any) -> Any:
            if before:
                self.moment()
            result = function(*arguments, **options)
            self.moment()
            return result

        return counted


if __name__ == "__main__":
    killer = Killer(int(sys.argv.pop(1)))
    for owner, name in ((psycopg.Cursor, "execute"), (psycopg.Transaction, "__exit__"), (psycopg.Copy, "__exit__")):
        setattr(owner, name, killer.around(getattr(owner, name)))
    for name in ("replace", "fsync"):
        setattr(os, name, killer.around(getattr(os, name), before=True))
    main()
