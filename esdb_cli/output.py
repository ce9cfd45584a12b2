"""Data goes to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def say(message: str) -> None:
    """Print a message of progress on stderr."""
    click.echo(message, err=True)


def print_json(value: object) -> None:
    """Print one value as one line of JSON; times are ISO 8601."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_as_json))


def _as_json(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def printable(value: object) -> str:
    """Return a value as text that can neither break a line of a table nor steer a terminal."""
    if value is None:
        return ""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))


class Table:
    """A table printed page by page: its columns never shrink, its heading is printed once."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._widths = [len(column) for column in columns]
        self._begun = False

    def print(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Print the columns of rows."""
        page = [[printable(row[column]) for column in self._columns] for row in rows]
        self._widths = [max([width, *(len(row[n]) for row in page)]) for n, width in enumerate(self._widths)]
        if not self._begun:
            self._begun = True
            self._print_row(self._columns)
            self._print_row(["-" * width for width in self._widths])
        for row in page:
            self._print_row(row)

    def _print_row(self, cells: Sequence[str]) -> None:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        click.echo(line.rstrip())


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print the columns of rows under a heading."""
    Table(columns).print(rows)
