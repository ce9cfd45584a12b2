"""The ledger in esdb_meta: yoyo's own tables, and what yoyo does not keep: the checksums of what was run."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.utils import change_param_style

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yoyo.migrations import Migration

    from esdb_cli.package import Kind, SqlFile

_TABLE = "_yoyo_migration"
_EXISTS = """
select exists (
    select
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'esdb_meta' and c.relname operator(pg_catalog.=) 'checksums'
)
"""
_RECORD = """
insert into esdb_meta.checksums (id, kind, sha256) values (:id, :kind, :sha256)
on conflict (id) do update set sha256 = excluded.sha256, applied_at = pg_catalog.now()
"""


class LedgerBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo is untyped
    """yoyo's bookkeeping on a connection of ours, in esdb_meta and without its lock table and probe table.

    Its writes belong to the caller's transaction. While `script` is a list, they are put there as SQL text instead.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Take a connection in autocommit mode."""
        self._ours = connection
        self.script: list[str] | None = None
        super().__init__(None, _TABLE)

    def connect(self, dburi: None) -> psycopg.Connection[Any]:  # noqa: ARG002  (yoyo's signature)
        """Return our connection."""
        return self._ours

    def quote_identifier(self, s: str) -> str:
        """Quote a name; yoyo's tables get their schema, so that no search_path matters."""
        schema = "esdb_meta." if s.startswith("_yoyo") else ""
        return f"{schema}{super().quote_identifier(s)}"

    def ensure_internal_schema_updated(self) -> None:
        """Do nothing: sql/ledger makes yoyo's tables, in the transaction of the first migration."""

    def execute(self, sql: str, params: Mapping[str, object] | None = None) -> psycopg.Cursor[Any] | None:
        """Run a statement with yoyo's `:name` parameters, or put it into the script."""
        if self.script is None:
            cursor: psycopg.Cursor[Any] = super().execute(sql, params)
            return cursor
        statement, values = change_param_style("pyformat", sql, params)
        self.script.append(f"{psycopg.ClientCursor(self._ours).mogrify(statement, values).strip()};")
        return None

    def exists(self) -> bool:
        """Tell whether the ledger's tables exist.

        Reads the catalog's rows: to_regclass() may answer from what the session looked up before it got the lock.
        """
        row = self._ours.execute(_EXISTS).fetchone()
        return bool(row and row[0])

    def get_applied_migration_hashes(self) -> list[str]:
        """Return what is applied: nothing where there is no ledger yet."""
        return super().get_applied_migration_hashes() if self.exists() else []

    def checksums(self) -> dict[str, tuple[Kind, str]]:
        """Return kind and SHA-256 of every file that was run, by its id."""
        if not self.exists():
            return {}
        rows = self._ours.execute("select id, kind, sha256 from esdb_meta.checksums").fetchall()
        return {id_: (kind, sha256) for id_, kind, sha256 in rows}

    def record(self, files: Iterable[SqlFile]) -> None:
        """Remember the bytes of files that were run."""
        for file in files:
            self.execute(_RECORD, {"id": file.id, "kind": file.kind, "sha256": file.sha256})

    def record_versioned(self, migration: Migration, file: SqlFile) -> None:
        """Mark a migration as applied, and the record of objects as out of date.

        Whoever is killed before the objects are recorded leaves none, and the next run records them.
        """
        self.mark_one(migration)
        self.record([file])
        self.execute("delete from esdb_meta.objects")

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """Return yoyo's log entry with names that need neither the network nor a passwd entry."""
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": _user(),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
