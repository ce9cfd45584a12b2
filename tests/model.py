"""What a store is, as plainly as can be said: the model that test_model.py holds the real one against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Stored:
    """An event of the model."""

    position: int
    stream: str
    version: int
    id: str
    event_type: str
    payload: dict[str, int]
    metadata: dict[str, str] | None
    timestamp: datetime


@dataclass(frozen=True)
class Append:
    """What one append asks of a stream; each of `new` is an event as append_events() takes it."""

    stream: str
    new: list[dict[str, Any]]
    expected: int | None
    key: str | None


@dataclass
class Model:
    """Events in order, keys that name some of them, streams that are deleted, and snapshots by version."""

    events: list[Stored] = field(default_factory=list)
    keys: dict[tuple[str, str], list[Stored]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    snapshots: dict[str, dict[int, int]] = field(default_factory=dict)

    def of(self, stream: str) -> list[Stored]:
        """Give a stream's events."""
        return [event for event in self.events if event.stream == stream]

    def answer(self, append: Append) -> list[Stored] | str | None:
        """Give the events that an append repeats, or its error's code, or None when it appends."""
        own = self.of(append.stream)
        repeated = self._repeated(append, append.key, by_id=append.key is not None or append.expected in {None, -1})
        if repeated is None and (refused := self._refused(append, len(own))):
            return self._repeated(append, None, by_id=True) or refused
        if repeated is not None:
            return repeated
        return "SE007" if self._doubled(append) else None

    def answer_all(self, appends: list[Append]) -> list[Stored] | str | None:
        """Give what several appends in one call repeat, or the call's error, or None when it appends."""
        answers = {append.stream: self.answer(append) for append in sorted(appends, key=lambda append: append.stream)}
        refused = [answer for answer in answers.values() if isinstance(answer, str) and answer != "SE007"]
        if refused:
            return refused[0]
        known = {stream: answer for stream, answer in answers.items() if isinstance(answer, list)}
        if len(known) == len(appends):
            return [event for append in appends for event in known[append.stream]]
        if known:
            return "SE006"
        return "SE007" if "SE007" in answers.values() else None

    def write(self, append: Append, rows: list[tuple[str, int, int, datetime]]) -> None:
        """Add an append's events as the store says they were written."""
        own = len(self.of(append.stream))
        written = [
            Stored(
                position,
                append.stream,
                version,
                id_,
                event["event_type"],
                event["payload"],
                event.get("metadata"),
                time,
            )
            for event, (id_, version, position, time) in zip(append.new, rows, strict=True)
        ]
        assert [event.version for event in written] == list(range(own + 1, own + len(written) + 1))
        assert [event.id for event in written] == [
            new.get("id", old.id) for new, old in zip(append.new, written, strict=True)
        ]
        assert len({event.timestamp for event in written}) == 1
        self.events += written
        if append.key:
            self.keys[append.stream, append.key] = written

    def snapshot(self, stream: str, at_version: int | None = None) -> tuple[int, int] | None:
        """Give version and state of a stream's newest snapshot up to a version."""
        usable = [v for v in self.snapshots.get(stream, {}) if at_version is None or v <= at_version]
        return (max(usable), self.snapshots[stream][max(usable)]) if usable else None

    def cleanup(self, keep: int) -> int:
        """Remove all snapshots but the newest of each stream; give how many."""
        removed = 0
        for states in self.snapshots.values():
            for version in sorted(states)[:-keep]:
                del states[version]
                removed += 1
        return removed

    def _refused(self, append: Append, version: int) -> str | None:
        if append.stream in self.deleted:
            return "SE002"
        if append.expected == -1:
            return None if version else "SE003"
        return None if append.expected in {None, version} else "SE001"

    def _repeated(self, append: Append, key: str | None, *, by_id: bool) -> list[Stored] | str | None:
        ids = [event["id"] for event in append.new if "id" in event]
        known = self.keys.get((append.stream, key)) if key else None
        found = known
        if known is None and by_id:
            found = [event for event in self.of(append.stream) if event.id in ids]
        if not found:
            return None
        same = len(found) == len(append.new) and all(
            old.event_type == event["event_type"]
            and old.payload == event["payload"]
            and (old.id == event["id"] if "id" in event else known is not None)
            for old, event in zip(found, append.new, strict=True)
        )
        return found if same else "SE006"

    def _doubled(self, append: Append) -> bool:
        """Tell whether an id stands in this stream, whose leaf is its own, or twice in the call."""
        ids = [event["id"] for event in append.new if "id" in event]
        return len(set(ids)) < len(ids) or any(event.id in ids for event in self.of(append.stream))
