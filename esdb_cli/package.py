"""The SQL files that an installation consists of: run once each, or again whenever their bytes change."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yoyo import read_migrations

from esdb_cli.resources import sql_dir

if TYPE_CHECKING:
    from yoyo.migrations import Migration, MigrationList

Kind = Literal["versioned", "repeatable"]

_REPEATABLE_FOLDERS = ("functions", "partitions", "views")


@dataclass(frozen=True)
class SqlFile:
    """A file; `id` is a versioned file's stem, a repeatable file's path below sql/."""

    id: str
    kind: Kind
    path: Path

    @classmethod
    def of(cls, migration: Migration) -> SqlFile:
        """Return the file of a yoyo migration."""
        return cls(migration.id, "versioned", Path(migration.path))

    @cached_property
    def data(self) -> bytes:
        """The bytes, read once: what is hashed is what is run."""
        return self.path.read_bytes()

    @cached_property
    def sha256(self) -> str:
        """The digest of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def text(self) -> str:
        """The bytes as text."""
        return self.data.decode()

    @property
    def name(self) -> str:
        """The path as a message shows it."""
        return f"sql/{self.path.parent.name}/{self.path.name}" if self.kind == "versioned" else f"sql/{self.id}"


@dataclass(frozen=True)
class Package:
    """The files in the order in which they are run."""

    migrations: MigrationList
    repeatable: tuple[SqlFile, ...]

    @classmethod
    def read(cls, root: Path | None = None) -> Package:
        """Read the files below a folder, by default those of this package."""
        root = root or sql_dir()
        repeatable = tuple(
            SqlFile(path.relative_to(root).as_posix(), "repeatable", path)
            for folder in _REPEATABLE_FOLDERS
            for path in sorted((root / folder).rglob("*.sql"), key=lambda path: path.as_posix())
        )
        return cls(read_migrations(glob.escape(str(root / "schema"))), repeatable)

    @property
    def files(self) -> tuple[SqlFile, ...]:
        """All files, the versioned ones first."""
        return (*(SqlFile.of(migration) for migration in self.migrations), *self.repeatable)


def ledger_sql() -> SqlFile:
    """Return the file that makes the ledger."""
    return SqlFile("ledger/ledger.sql", "repeatable", sql_dir() / "ledger/ledger.sql")


def preflight_sql() -> SqlFile:
    """Return the query whose one row is what must be known before anything is created."""
    return SqlFile("ledger/preflight.sql", "repeatable", sql_dir() / "ledger/preflight.sql")
