"""A file of lines as batches of bounded size, whatever is in it, and a batch as the text of COPY."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20
_KEPT_OF_A_LONG_LINE = 1000


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
