"""The examples of a Markdown page: its fenced blocks, and how their output is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_VOLATILE = (
    (r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b", "ULID"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00(:00)?|Z)?", "TIME"),
    (r"_y\d{4}m\d\d\b", "_MONTH"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"\bserver \d[\w.]*( \(.*?\))?", "server VERSION"),
    (r"\blocalhost:\d+", "localhost:PORT"),
    (r"-[-+]*-", "-"),
    (r"[ \t]+", " "),
)


@dataclass
class Block:
    """A fenced block; `expected` is the text block that follows it directly, if one does."""

    language: str
    text: str
    line: int
    expected: str | None = None


def blocks(page: Path) -> list[Block]:
    """Give the blocks of a page in their order; output joins the block that it belongs to."""
    source = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(source):
        language, text = match.groups()
        is_output = language == "text" and found and not source[end : match.start()].strip()
        if is_output and found[-1].language == "sql":
            found[-1].expected = text
        else:
            found.append(Block(language, text, source.count("\n", 0, match.start()) + 1))
        end = match.end()
    return found


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Give each command of a console block with the output that is shown under it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        yield "\n".join(lines[:count]), "\n".join(lines[count:])


def links(page: Path) -> list[str]:
    """Give the targets of a page's links."""
    return links_of(page.read_text(encoding="utf-8"))


def links_of(text: str) -> list[str]:
    """Give the targets of the links in a text."""
    return _LINK.findall(_FENCE.sub("", text))


def headings(page: Path) -> set[str]:
    """Give the anchors of a page's headings."""
    return headings_of(page.read_text(encoding="utf-8"))


def headings_of(text: str) -> set[str]:
    """Give the anchors of the headings in a text."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def agrees(expected: str, actual: str) -> bool:
    """Tell whether an output is the one shown; a line `…` stands for any lines.

    Ids, times, months, digests, ports and versions may differ, and with them the widths of columns.
    """
    parts = [re.escape(part) for part in re.split(r"^…$", _plain(expected), flags=re.MULTILINE)]
    return re.fullmatch(r"(?s:.*)".join(parts), _plain(actual)) is not None


def _plain(output: str) -> str:
    for pattern, replacement in _VOLATILE:
        output = re.sub(pattern, replacement, output)
    return "\n".join(stripped for line in output.splitlines() if (stripped := line.strip()))
