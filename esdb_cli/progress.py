"""A line of progress with a bar, the rate and the time left, on stderr and only where that is a terminal."""

from __future__ import annotations

import sys
import time

_INTERVAL = 0.2
_WIDTH = 24


class Progress:
    """Tells how far a long run is; `length` is in any unit, None where nobody knows it."""

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._shown = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._next = self._begun + _INTERVAL
        self._width = 0

    def update(self, done: int, events: int) -> None:
        """Show what was done until now, a few times a second."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + _INTERVAL
            self._write(self._line(done, events, now - self._begun))

    def close(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")
            self._width = 0

    def _line(self, done: int, events: int, seconds: float) -> str:
        rate = f"{events:,} events, {events / seconds:,.0f}/s"
        if not self._length:
            return rate
        part = min(done / self._length, 1.0)
        bar = "#" * int(part * _WIDTH)
        left = seconds / part - seconds if part else 0
        return f"[{bar:<{_WIDTH}}] {part:4.0%}  {rate}, {_clock(left)} left"

    def _write(self, line: str) -> None:
        sys.stderr.write(f"\r{line:<{self._width}}" + ("" if line else "\r"))
        sys.stderr.flush()
        self._width = len(line)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
