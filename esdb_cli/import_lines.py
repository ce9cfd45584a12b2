"""A file of lines as batches of bounded size, whatever is in it, and a batch as the text of COPY."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20
_KEPT_OF_A_LONG_LINE = 1000

_TEXT = rb'"([^"\\\x00-\x1f]+)"'
_NUMBER = rb"([1-9][0-9]{0,17})"
_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+)"
_MEMBERS = {
    b"position": _NUMBER,
    b"id": _TEXT,
    b"bounded_context": _TEXT,
    b"group_context": _TEXT,
    b"feature_context": _TEXT,
    b"action_type": _TEXT,
    b"aggregate_type": _TEXT,
    b"aggregate_id": _TEXT,
    b"event_type": _TEXT,
    b"schema_version": rb"([1-9][0-9]{0,4})",
    b"version": _NUMBER,
    b"timestamp": b'"(' + _TIME + b')"',
    # null without quotes, a time between them
    b"occurred_at": b'(?:(?=n)|"(?=[0-9]))(null|' + _TIME + b')(?:(?<=l)|(?<![l"])")',
    b"payload": rb"(\{.*\})",
    b"metadata": rb"(null|\{.*\})",
    b"recorded_by": _TEXT,
}
# A line as `esdb export` writes it, or json.dumps() in the order of the columns. Where payload and metadata part is
# found by what stands between them, which may stand inside of them, too. That does no harm: a part of a JSON object is
# none, nor is an object with something behind it, so the server refuses a payload that was split elsewhere.
_CANONICAL = re.compile(
    rb"\{" + rb", ?".join(b'"' + key + b'": ?' + value for key, value in _MEMBERS.items()) + rb"\}\r?"
)
_CONTEXT = list(_MEMBERS).index(b"bounded_context") + 1


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

    def copy_rows(self) -> bytes | None:
        """Return the lines as numbered rows as COPY reads them, split without reading the JSON; None: not all can be.

        They come context by context.
        """
        if self.faults:
            return None
        match = _CANONICAL.fullmatch
        contexts: dict[bytes, list[bytes]] = {}
        for number, line in enumerate(self.lines, self.first):
            found = match(line)
            if found is None:
                return None
            rows = contexts.setdefault(found[_CONTEXT], [])
            rows.append(b"%d\t%b\n" % (number, b"\t".join(found.groups())))
        return b"".join([row for rows in contexts.values() for row in rows]).replace(b"\\", b"\\\\")


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
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
