"""What `esdb verify` asks of the schema: the database's own functions, and the ledger which files were edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from esdb_cli.db import rows
from esdb_cli.migrations import Migrator
from esdb_cli.package import Package

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esdb_cli.db import Row

_CHECKS: tuple[LiteralString, ...] = (
    "esdb_meta.object_faults()",
    "esdb_meta.partition_faults()",
    "esdb_meta.sequence_faults()",
)
# SQLSTATE: what a statement names is not there; but not that the role may not see it
_MISSING = "42"
_NOT_ALLOWED = "42501"
_FILE_FAULTS = {
    "changed": "edited after it was applied",
    "removed": "applied, but not known to this package",
    "pending": "never applied",
}


def faults(connection: psycopg.Connection[Any]) -> list[Row]:
    """Return what is wrong, each as kind, name and fault; empty when all is as the migrations left it."""
    package = Package.read()
    versioned = [state for state in Migrator(connection, package).states() if state.kind == "versioned"]
    found: list[Row] = [
        {"kind": "file", "name": state.id, "fault": _FILE_FAULTS[state.state]}
        for state in versioned
        if state.state != "applied"
    ]
    if all(state.state == "pending" for state in versioned):
        return found
    repeatable = [file.id for file in package.repeatable]
    found += ask(connection, "esdb_meta.removed_files(%s)", (repeatable,))
    for check in _CHECKS:
        found += ask(connection, check)
    return found


def is_installed(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether a migration was ever applied."""
    return any(state.state != "pending" for state in Migrator(connection, Package.read()).states())


def ask(connection: psycopg.Connection[Any], check: LiteralString, parameters: Sequence[object] = ()) -> list[Row]:
    """Call a check; one that cannot run because what it needs is missing is a fault itself."""
    statement = f"select * from {check}"  # noqa: S608  (one of ours)
    try:
        with connection.transaction():
            return rows(connection, statement, parameters)
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith(_MISSING) or error.sqlstate == _NOT_ALLOWED:
            raise
        return [{"kind": "check", "name": check, "fault": f"cannot run: {error.diag.message_primary}"}]
