"""Work that is prepared side by side, by threads, and finished one after the other, in order."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes may let the others wait, who have the server's answers to deal with."""


class AbandonedError(Exception):
    """Another thread failed, so this one's work is not finished."""


class OvertakenError(Exception):
    """Work in front of this one begins anew, so this one has to, too."""


class Turns:
    """The turns of some threads; the first error of any ends them all."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turn = 0
        self._errors: list[BaseException] = []

    @property
    def has_failed(self) -> bool:
        """Tell whether a thread failed, or the run was interrupted."""
        return bool(self._errors)

    def run(self, jobs: int, work: Callable[[], None]) -> None:
        """Run the work in so many threads until all are done; raise the first error of any."""
        threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for _ in range(jobs)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException as error:
            self._fail(error)
            for thread in threads:
                thread.join()
            raise
        if self._errors:
            raise self._errors[0]

    def wait_for(self, index: int) -> None:
        """Wait until all before have finished; raises AbandonedError when one has failed."""
        self._wait(lambda: self._turn == index)

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._errors or condition())
            if self._errors:
                raise AbandonedError

    def finish(self) -> None:
        """Let the next one finish."""
        with self._changed:
            self._turn += 1
            self._changed.notify_all()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AbandonedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by run()
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._errors.append(error)
            self._changed.notify_all()


class TwoTurns(Turns):
    """Turns of work that begins in order and finishes in order, and goes on side by side in between.

    Who has to begin anew withdraws; then all that had begun behind does so as well, before anything begins again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._next = 0
        self._begun: set[int] = set()

    def wait_to_begin(self, index: int) -> None:
        """Wait until all before have begun; raises AbandonedError when one has failed."""
        with self._changed:
            self._wait(lambda: self._next == index)
            self._begun.add(index)

    def begin(self, index: int) -> None:
        """Let the next one begin; raises OvertakenError when one in front has withdrawn meanwhile."""
        with self._changed:
            if self._next != index:
                raise OvertakenError
            self._next += 1
            self._changed.notify_all()

    def wait_to_finish(self, index: int) -> None:
        """Wait until all before have finished; raises OvertakenError when one of them has withdrawn."""
        self._wait(lambda: self._turn == index or self._next <= index)
        if self._next <= index:
            raise OvertakenError

    def wait_alone(self, index: int) -> None:
        """Wait until all before have finished, and what had begun behind has withdrawn; nothing begins meanwhile."""
        self._wait(lambda: self._turn == self._next == index and not any(other > index for other in self._begun))

    def withdraw(self, index: int) -> None:
        """Begin anew, and let all that had begun behind do so."""
        with self._changed:
            self._begun.discard(index)
            self._next = min(self._next, index)
            self._changed.notify_all()

    def finish(self) -> None:
        """Let the next one finish."""
        with self._changed:
            self._begun.discard(self._turn)
            self._next = max(self._next, self._turn + 1)
            super().finish()


@contextmanager
def switching_often() -> Iterator[None]:
    """Let threads take turns more often than Python does: the wait of one holds up all."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
