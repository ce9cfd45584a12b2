"""A file of lines as batches of bounded size, whatever is in it, and a batch as the text of COPY."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise, starmap
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

_BLOCK = 1 << 20
_KEPT_OF_A_LONG_LINE = 1000

# Nothing that matches has to be looked at again: what is as long as this in bytes is no longer in characters, whatever
# a payload is COPY refuses it if it is not JSON, and times are looked at by the server. No text is taken for a null.
_TEXT = rb'"(?!null")([^"\\\x00-\x1f]{1,%d})"'
_NUMBER = rb"([1-9][0-9]{0,17})"
_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+)"
_MEMBERS = {
    b"position": _NUMBER,
    b"id": _TEXT % 64,
    b"bounded_context": _TEXT % 255,
    b"group_context": _TEXT % 255,
    b"feature_context": _TEXT % 255,
    b"action_type": _TEXT % 10,
    b"aggregate_type": _TEXT % 255,
    b"aggregate_id": _TEXT % 255,
    b"event_type": _TEXT % 255,
    b"schema_version": rb"([1-9][0-9]{0,3})",
    b"version": _NUMBER,
    b"timestamp": b'"(' + _TIME + b')"',
    # null without quotes, a time between them
    b"occurred_at": b'(?:(?=n)|"(?=[0-9]))(null|(?!000[01]|9999)' + _TIME + b')(?:(?<=l)|(?<![l"])")',
    b"payload": rb"(\{.*\})",
    b"metadata": rb"(null|\{.*\})",
    b"recorded_by": _TEXT % 255,
}
# A line as `esdb export` writes it, or json.dumps() in the order of the columns. Where payload and metadata part is
# found by what stands between them, which may stand inside of them, too. That does no harm: a part of a JSON object is
# none, nor is an object with something behind it, so the server refuses a payload that was split elsewhere.
_CANONICAL = re.compile(
    rb"(?m)^\{" + rb", ?".join(b'"' + key + b'": ?' + value for key, value in _MEMBERS.items()) + rb"\}\r?$"
)
_PIECE = 100
"""Lines that are split at a time: while they are, no other thread runs."""


def _columns(*names: bytes) -> Callable[[tuple[bytes, ...]], Any]:
    return itemgetter(*map(list(_MEMBERS).index, names))


STEP_COLUMNS = (
    b"position", b"bounded_context", b"group_context", b"feature_context", b"aggregate_type", b"aggregate_id",
    b"event_type", b"version", b"timestamp",
)  # fmt: skip
_step = _columns(*STEP_COLUMNS)
_position = _columns(b"position")
_context = _columns(b"bounded_context")
_partition = _columns(b"bounded_context", b"timestamp")
_behind_position = itemgetter(slice(1, None))
_MONTH = len("2026-11")

# As text of the server's, JSON is at most twice as long, by its spaces, but for numbers with an exponent, which it
# writes without. Where digits are left out, nothing but an e is left of them between what stands around a value.
_AROUND_VALUES = bytes.maketrans(b"[]{}:E", b",,,,,e")
_OF_NUMBERS = b"0123456789.+- \t\r"
_EXPONENT_LEFT = b",e,"
_EXPONENT = re.compile(rb"[eE][+-]?([0-9]{1,9})")


@dataclass(frozen=True)
class Split:
    """The lines of a batch as columns, in order: events, as far as that is seen without reading their JSON."""

    positions: list[int]
    """Those in the file; they ascend."""
    partitions: set[tuple[bytes, bytes]]
    """Context and month of the events, as the lines have them."""
    steps: bytes
    """STEP_COLUMNS as COPY reads them."""
    _rows: list[bytes]
    _order: list[int]
    """Context by context."""

    def copy_text(self, prefixes: Sequence[bytes]) -> bytes:
        """Return the events context by context as COPY reads them, with a prefix each in place of their position."""
        ordered = zip(map(prefixes.__getitem__, self._order), map(self._rows.__getitem__, self._order), strict=True)
        return (b"\n".join(map(b"\t".join, ordered)) + b"\n").replace(b"\\", b"\\\\")


class Readable(Protocol):
    """What lines are read from: a file, or anything that gives bytes as one does, none at the end."""

    def read(self, size: int, /) -> bytes:
        """Return about so many bytes."""


@dataclass
class Batch:
    """Some lines of the file, without their ends: the first is line `first`; `end` is the byte behind the last."""

    index: int
    first: int
    lines: list[bytes]
    end: int
    faults: dict[int, str] = field(default_factory=dict)
    """What no server could be given, by line."""

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.lines) - 1

    def text_of(self, number: int) -> str:
        """Return a line as text; bytes that are no UTF-8 are shown escaped."""
        return self.lines[number - self.first].decode("utf-8", "backslashreplace")

    def copy_text(self) -> bytes:
        """Return the lines with their numbers as COPY reads them; those with a fault are left out."""
        block = b"\n".join(self.lines)
        escaped = block.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\r", b"\\r").split(b"\n")
        numbered = enumerate(escaped, self.first)
        if self.faults:
            return b"".join([b"%d\t%s\n" % line for line in numbered if line[0] not in self.faults])
        return b"".join([b"%d\t%s\n" % line for line in numbered])

    def split(self, max_payload_bytes: int) -> Split | None:
        """Split the lines without reading their JSON; None: not all can be."""
        if self.faults:
            return None
        positions: list[int] = []
        partitions: set[tuple[bytes, bytes]] = set()
        steps: list[bytes] = []
        rows: list[bytes] = []
        contexts: list[bytes] = []
        for first in range(0, len(self.lines), _PIECE):
            lines = self.lines[first : first + _PIECE]
            text = b"\n".join(lines)
            found = _CANONICAL.findall(text)
            if len(found) < len(lines) or _may_be_large(text, lines, max_payload_bytes):
                return None
            positions += map(int, map(_position, found))
            partitions.update((context, time[:_MONTH]) for context, time in map(_partition, found))
            steps += map(b"\t".join, map(_step, found))
            rows += map(b"\t".join, map(_behind_position, found))
            contexts += map(_context, found)
        if not all(starmap(lt, pairwise(positions))):
            return None
        order = sorted(range(len(rows)), key=contexts.__getitem__)
        return Split(positions, partitions, b"\n".join(steps) + b"\n", rows, order)


def _may_be_large(text: bytes, lines: Collection[bytes], max_payload_bytes: int) -> bool:
    """Tell whether a payload may be too large, as far as that is seen without reading the JSON."""
    if 2 * max(map(len, lines)) <= max_payload_bytes and _EXPONENT_LEFT not in text.translate(
        _AROUND_VALUES, _OF_NUMBERS
    ):
        return False
    return any(2 * len(line) + sum(map(int, _EXPONENT.findall(line))) > max_payload_bytes for line in lines)


def batches(file: Readable, max_lines: int, max_bytes: int, longest: int) -> Iterator[Batch]:
    """Yield the lines of a file in batches; a line above `longest` bytes is not kept, but is a fault."""
    first, index, end = 1, 0, 0
    lines: list[bytes] = []
    faults: dict[int, str] = {}
    size = 0
    for line, length in _lines(file, longest):
        end += length
        if length > longest:
            faults[first + len(lines)] = f"longer than {longest} bytes"
        lines.append(line)
        size += len(line)
        if len(lines) >= max_lines or size >= max_bytes:
            yield _checked(Batch(index, first, lines, end, faults))
            first, index = first + len(lines), index + 1
            lines, faults, size = [], {}, 0
    if lines:
        yield _checked(Batch(index, first, lines, end, faults))


def _lines(file: Readable, longest: int) -> Iterator[tuple[bytes, int]]:
    """Yield each line, of a too long one only the beginning, with its length in the file."""
    read = getattr(file, "read1", file.read)  # of a pipe, what is there
    rest, skipped = b"", 0
    while block := read(_BLOCK):
        pieces = block.split(b"\n")
        pieces[0] = rest + pieces[0]
        rest = pieces.pop()
        for line in pieces:
            if skipped + len(line) > longest:
                yield line[:_KEPT_OF_A_LONG_LINE], skipped + len(line) + 1
            else:
                yield line, len(line) + 1
            skipped = 0
        if skipped + len(rest) > longest:
            skipped += len(rest) - _KEPT_OF_A_LONG_LINE
            rest = rest[:_KEPT_OF_A_LONG_LINE]
    if rest:
        yield rest, skipped + len(rest)


def _checked(batch: Batch) -> Batch:
    """Note the lines that no text of the server's can hold."""
    block = b"\n".join(batch.lines)
    if b"\0" not in block and _is_utf8(block):
        return batch
    for number, line in enumerate(batch.lines, batch.first):
        if b"\0" in line:
            batch.faults.setdefault(number, "no JSON: it has a zero byte")
        elif not _is_utf8(line):
            batch.faults.setdefault(number, "no JSON: it is not valid UTF-8")
    return batch


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
