"""Work that is prepared side by side, by threads, and finished one after the other, in order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class AbandonedError(Exception):
    """Another thread failed, so this one's work is not finished."""


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
        with self._changed:
            self._changed.wait_for(lambda: self._turn == index or self._errors)
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
