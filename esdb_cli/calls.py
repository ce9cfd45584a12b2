"""Calls of the store's SQL functions as text with literals: what a dry run prints is what a run executes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.sql import Composed


@dataclass(frozen=True)
class Json:
    """JSON text that goes to the server as it is."""

    text: str


@dataclass(frozen=True)
class Time:
    """A time as the caller wrote it; the server reads it."""

    text: str


@dataclass(frozen=True)
class Interval:
    """A span of time as text that the server reads."""

    text: str


@dataclass(frozen=True)
class Sql:
    """An expression of ours, which the server evaluates."""

    text: str


def call(function: LiteralString, arguments: Mapping[LiteralString, object], columns: LiteralString = "*") -> Composed:
    """Return `select columns from function(name => value, …) as result`; arguments that are None or () are left out."""
    from psycopg.sql import SQL

    given = [
        SQL("\n    {} => {}").format(SQL(name), _literal(value))
        for name, value in arguments.items()
        if value is not None and value != ()
    ]
    return SQL("select {} from {}({}\n) as result").format(SQL(columns), SQL(function), SQL(",").join(given))


def _literal(value: object) -> Composed:
    from psycopg.sql import SQL, Literal

    match value:
        case Json(text):
            return SQL("{}::jsonb").format(Literal(text))
        case Time(text):
            return SQL("{}::timestamptz").format(Literal(text))
        case Interval(text):
            return SQL("{}::interval").format(Literal(text))
        case Sql(text):
            return SQL("{}").format(SQL(text))
        case tuple():
            return SQL("{}::text[]").format(Literal(list(value)))
        case _:
            return SQL("{}").format(Literal(value))
