"""What a soak of the feed comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tests.feed_support import PERFECT, Verdict, Watch


class Reading(NamedTuple):
    """What a reader saw. is_control: it reads as one should not. event_type: what it filters by."""

    name: str
    watch: Watch
    event_type: str | None = None
    is_control: bool = False


@dataclass(frozen=True)
class Report:
    """What a run comes to.

    events: in the store. readings: by reader, how many events it saw and what was wrong. lost: acknowledged but not in
    the store. control: what the reader that must skip has skipped.
    """

    seed: int
    events: int
    readings: Mapping[str, tuple[int, Verdict]]
    lost: int
    control: int
    deeds: Mapping[str, int]

    @property
    def is_perfect(self) -> bool:
        """Whether nothing went wrong, where something could have."""
        return self.lost == 0 and self.control > 0 and all(v == PERFECT for _, v in self.readings.values())

    def __str__(self) -> str:
        """Give the report as a page."""
        deeds = ", ".join(f"{name} {count:,}" for name, count in sorted(self.deeds.items()))
        lines = [f"seed {self.seed}: {self.events:,} events; {deeds}", ""]
        lines.append(f"{'reader':<16}{'read':>12}" + "".join(f"{name:>12}" for name in Verdict._fields))
        for name, (count, verdict) in self.readings.items():
            lines.append(f"{name:<16}{count:>12,}" + "".join(f"{number:>12,}" for number in verdict))
        total = Verdict(*(sum(column) for column in zip(*(v for _, v in self.readings.values()), strict=True)))
        lines.append(
            f"\nskipped {total.skipped}  duplicated {total.duplicated}  inverted {total.inverted}  lost {self.lost}"
            f"  (invented {total.invented}; a reader without the mark skipped {self.control:,})"
        )
        return "\n".join(lines)
