"""`esdb health`: whether the store is there and well, for probes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from esdb_cli.calls import call
from esdb_cli.db import database_option, rows
from esdb_cli.deadline import connected_within, timeout_option
from esdb_cli.errors import EXIT_PENDING, EXIT_USAGE, CliError, from_database
from esdb_cli.output import print_json, print_table, printable, say

if TYPE_CHECKING:
    import psycopg

    from esdb_cli.db import Row
    from esdb_cli.deadline import Deadline

Result = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """What a check found; unknown: the role may not see it."""

    check: str
    result: Result
    detail: str
    hint: str | None
    seconds: float


@dataclass(frozen=True)
class Limits:
    """From when on what takes its time is a fault."""

    mark_seconds: float
    statistics_hours: float


def _migrated(connection: psycopg.Connection[Any], _: Limits) -> Row:
    installed = {row["id"]: row for row in rows(connection, call("esdb._installed_files", {}))}
    package = _package()
    if newer := sorted(id_ for id_ in installed.keys() - package.keys() if installed[id_]["kind"] == "versioned"):
        detail = f"the store is newer than this package: {', '.join(newer)}"
        return {"is_ok": False, "detail": detail, "hint": "install the version of esdb that migrated it"}
    others = [id_ for id_, sha256 in package.items() if id_ not in installed or installed[id_]["sha256"] != sha256]
    if others:
        detail = f"pending or changed: {others[0]}" + (f" and {len(others) - 1} more" if others[1:] else "")
        return {"is_ok": False, "detail": detail, "hint": "`esdb status` tells more; run `esdb migrate`"}
    return {"is_ok": True, "detail": f"{len(package)} files as in this package", "hint": None}


@cache
def _package() -> dict[str, str]:
    """Return the digest of each file of this package; they are read once."""
    from esdb_cli.package import Package

    return {file.id: file.sha256 for file in Package.read().files}


def is_migrated(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the store is as this package has it."""
    return bool(_migrated(connection, Limits(0, 0))["is_ok"])


def _partitions(connection: psycopg.Connection[Any], _: Limits) -> Row:
    return rows(connection, call("esdb._health_of_partitions", {}))[0]


def _writable(connection: psycopg.Connection[Any], _: Limits) -> Row:
    return rows(connection, call("esdb._health_of_writes", {}))[0]


def _mark(connection: psycopg.Connection[Any], limits: Limits) -> Row:
    return rows(connection, call("esdb._health_of_mark", {"most_seconds": limits.mark_seconds}))[0]


def _statistics(connection: psycopg.Connection[Any], limits: Limits) -> Row:
    return rows(connection, call("esdb._health_of_statistics", {"most_hours": limits.statistics_hours}))[0]


CHECKS: Final[dict[str, Callable[[psycopg.Connection[Any], Limits], Row]]] = {
    "migrated": _migrated,
    "partitions": _partitions,
    "writable": _writable,
    "mark": _mark,
    "statistics": _statistics,
}
_NAMES: Final = list(CHECKS)


@click.group()
def health() -> None:
    """Tell whether the store is there and well, for probes.

    Exits 0 when it is, 3 when a check failed, 5 when the server cannot be reached.
    """


@health.command()
@timeout_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def live(*, timeout: float, as_json: bool, database_url: str | None) -> None:
    """Tell whether the server is reachable and answers."""
    _report(_probe([], None, timeout, database_url, as_json=as_json), as_json=as_json)


@health.command()
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="Only this check; can be repeated.")
@click.option("--skip", multiple=True, type=click.Choice(_NAMES), help="Not this check; can be repeated.")
@click.option(
    "--mark-seconds",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="For how long events may wait behind the mark.",
)
@click.option(
    "--statistics-hours",
    type=click.FloatRange(0),
    default=36.0,
    show_default=True,
    help="How old the statistics may be.",
)
@timeout_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def ready(
    *,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    mark_seconds: float,
    statistics_hours: float,
    timeout: float,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Tell whether the store can be worked with.

    It is reachable; migrated to this version; its months ahead are made; a write becomes durable, on the disk and on a
    synchronous standby; the feed's mark is not stuck; the statistics are fresh. A check whose answer the role may not
    see is unknown, and no failure.
    """
    names = [name for name in _NAMES if (not only or name in only) and name not in skip]
    limits = Limits(mark_seconds, statistics_hours)
    _report(_probe(names, limits, timeout, database_url, as_json=as_json), as_json=as_json)


def _probe(
    names: list[str], limits: Limits | None, timeout: float, database_url: str | None, *, as_json: bool
) -> list[Verdict]:
    """Make the checks, each on its own: one that raises stops no other."""
    import psycopg

    begun = time.monotonic()
    try:
        with connected_within(timeout, database_url) as (connection, deadline):
            connection.execute("select")
            verdicts = [Verdict("reachable", "ok", "the server answers", None, _since(begun))]
            return verdicts + [_check(name, connection, deadline, limits or Limits(0, 0)) for name in names]
    except (CliError, psycopg.Error) as raised:
        error = from_database(raised) if isinstance(raised, psycopg.Error) else raised
        if as_json and error.exit_code != EXIT_USAGE:
            detail = error.detail or error.message
            _print_json([Verdict("reachable", "failed", detail, error.hint, _since(begun))])
        raise error from None


def _check(name: str, connection: psycopg.Connection[Any], deadline: Deadline, limits: Limits) -> Verdict:
    import psycopg

    begun = time.monotonic()
    found: Row
    try:
        found = {"is_ok": False} if deadline.is_past else CHECKS[name](connection, limits)
    except psycopg.Error as raised:
        error = from_database(raised)
        found = {"is_ok": False, "detail": error.message, "hint": error.hint}
    if deadline.is_past:
        # what a synchronous standby did not confirm is committed all the same, with a warning
        found = {"is_ok": False, "detail": f"no answer within {deadline.seconds:g} seconds", "hint": None}
    result: Result = "unknown" if found["is_ok"] is None else "ok" if found["is_ok"] else "failed"
    return Verdict(name, result, found["detail"], None if result == "ok" else found["hint"], _since(begun))


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)


def _report(verdicts: list[Verdict], *, as_json: bool) -> None:
    if as_json:
        _print_json(verdicts)
    else:
        print_table([asdict(verdict) for verdict in verdicts], ["check", "result", "detail", "seconds"])
        for verdict in verdicts:
            if verdict.hint:
                say(printable(f"{verdict.check}: {verdict.hint}"))
    if any(verdict.result == "failed" for verdict in verdicts):
        raise click.exceptions.Exit(EXIT_PENDING)


def _print_json(verdicts: list[Verdict]) -> None:
    is_well = all(verdict.result != "failed" for verdict in verdicts)
    print_json({"status": "ok" if is_well else "failed", "checks": [asdict(verdict) for verdict in verdicts]})
