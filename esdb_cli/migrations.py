"""The migration engine: yoyo with a mended backend, checksums and files that are run again when they change.

Each versioned file is run and recorded in one transaction that first takes an advisory lock and looks at the ledger
again; the changed repeatable files share one such transaction. Nothing outlives a transaction, so a killed process
leaves nothing to clean up and a transaction-mode pooler may stand in between.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from esdb_cli.compatibility import NewerStoreError
from esdb_cli.db import rows
from esdb_cli.errors import EXIT_LOCK_TIMEOUT, EXIT_PENDING, CliError
from esdb_cli.ledger import LedgerBackend
from esdb_cli.package import Kind, Package, SqlFile, ledger_sql, preflight_sql
from esdb_cli.preflight import Facts, check
from esdb_cli.resources import package_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from yoyo.migrations import Migration, MigrationList

Result = TypeVar("Result")
State = Literal["applied", "pending", "changed", "removed"]

# Two keys of 32 bits: the keys of one number belong to the feed's announcements.
_LOCK_KEYS = (0x65736462, 1)
# How long a statement of a migration may queue for a table's lock, holding up whoever comes after it.
_TABLE_LOCK_SECONDS = 2.0
_SESSION = "set local statement_timeout = 0; set local client_min_messages = warning"
_SAFE = "set local search_path = pg_catalog, pg_temp; set local check_function_bodies = off"
_CLOSING = ("commit;", "")
_RECORD_OBJECTS = "select esdb_meta.record_objects()"
_NOTE = "select esdb_meta.note_migration(:version)"


@dataclass(frozen=True)
class FileState:
    """A file as the ledger sees it; `removed` has a row but no file in this package."""

    id: str
    kind: Kind
    state: State

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be done: what a removed repeatable file leaves behind is for `esdb verify` to tell."""
        return self.state == "applied" or (self.state == "removed" and self.kind == "repeatable")


class Migrator:
    """Brings one database to the state of a package."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        package: Package | None = None,
        *,
        wait: float = 60.0,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take a connection as esdb_cli.db.connect() makes it.

        wait: seconds to try for locks. report: gets a line for each step.
        """
        self._connection = connection
        self._package = package or Package.read()
        self._wait = wait
        self._report = report
        self._ledger = LedgerBackend(connection)

    def migrate(self) -> list[SqlFile]:
        """Run what is pending and return it.

        Raises CliError: exit 1 when the role, the server or the package cannot do it (before anything is created) or
        a file fails, 3 when a versioned file was edited, 4 when a lock was not obtained in time.
        """
        self._preflight()
        applied = [file for migration in self._pending_versioned() if (file := self._apply_versioned(migration))]
        return applied + self._apply_repeatable()

    def states(self) -> list[FileState]:
        """Return every file of the package, and every row of the ledger that has none, with its state."""
        recorded = self._ledger.checksums()
        states = [FileState(file.id, file.kind, _state(file, recorded)) for file in self._package.files]
        known = {state.id for state in states}
        states += [FileState(id_, kind, "removed") for id_, (kind, _) in sorted(recorded.items()) if id_ not in known]
        return states

    def script(self) -> str:
        """Return the SQL that a migrate would run, with a comment line before each file; changes nothing."""
        self._preflight()
        ledger = [] if self._ledger.exists() else [ledger_sql()]
        versioned = self._pending_versioned()
        repeatable = self._changed_repeatable()
        lines: list[str] = []
        self._ledger.script = lines
        for migration in versioned:
            file = SqlFile.of(migration)
            lines += _opening([*ledger, file])
            self._ledger.record_versioned(migration, file)
            lines += _CLOSING
            ledger = []
        if repeatable:
            lines += _opening([*ledger, *repeatable])
            self._record_repeatable(repeatable)
            lines += _CLOSING
        self._ledger.script = None
        return "".join(f"{line}\n" for line in lines)

    def _preflight(self) -> None:
        check(self._facts())
        self._refuse_other_package()

    def _facts(self) -> Facts:
        (facts,) = rows(self._connection, preflight_sql().data)
        return Facts(**facts)

    def _refuse_other_package(self) -> None:
        states = [state for state in self.states() if state.kind == "versioned"]
        if newer := [state.id for state in states if state.state == "removed"]:
            raise NewerStoreError(newer)
        if edited := [state.id for state in states if state.state == "changed"]:
            raise CliError(
                "a versioned file was edited after it was applied",
                EXIT_PENDING,
                detail=", ".join(edited),
                hint="restore the file and put the change into a new one",
            )

    def _pending_versioned(self) -> MigrationList:
        return self._ledger.to_apply(self._package.migrations)

    def _changed_repeatable(self) -> list[SqlFile]:
        recorded = self._ledger.checksums()
        return [file for file in self._package.repeatable if _state(file, recorded) != "applied"]

    def _apply_versioned(self, migration: Migration) -> SqlFile | None:
        """Run a migration, unless somebody else did while we waited for the lock."""

        def work() -> SqlFile | None:
            self._create_ledger()
            if self._ledger.is_applied(migration):
                return None
            file = SqlFile.of(migration)
            self._execute(file)
            self._ledger.record_versioned(migration, file)
            return file

        applied = self._locked(work)
        if applied:
            self._report(f"applied {applied.id}")
        return applied

    def _apply_repeatable(self) -> list[SqlFile]:
        """Run the files that changed, and record the objects as all files have left them."""
        if not self._changed_repeatable() and not self._record_is_missing():
            return []

        def work() -> list[SqlFile]:
            self._create_ledger()
            changed = self._changed_repeatable()
            for file in changed:
                self._execute(file)
            if changed or self._record_is_missing():
                self._record_repeatable(changed)
            return changed

        applied = self._locked(work)
        for file in applied:
            self._report(f"applied {file.id}")
        return applied

    def _record_repeatable(self, files: list[SqlFile]) -> None:
        self._ledger.record(files)
        if self._has("record_objects"):
            self._ledger.execute(_RECORD_OBJECTS)
        if self._has("note_migration"):
            self._ledger.execute(_NOTE, {"version": package_version()})

    def _record_is_missing(self) -> bool:
        if not self._has("record_objects"):
            return False
        row = self._connection.execute("select not exists (select from esdb_meta.objects)").fetchone()
        return bool(row and row[0])

    def _has(self, function: str) -> bool:
        return any(file.path.stem == function for file in self._package.repeatable)

    def _locked(self, work: Callable[[], Result]) -> Result:
        """Run work in a transaction that holds the lock, again and again until no other lock stands in its way."""
        deadline = time.monotonic() + self._wait
        while True:
            try:
                with self._connection.transaction():
                    self._take_lock(deadline)
                    return work()
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise CliError(
                        f"a lock was not obtained within {self._wait:g} seconds",
                        EXIT_LOCK_TIMEOUT,
                        detail=error.diag.message_primary,
                        hint="another migrate or a long transaction holds it: see pg_locks, or give a longer --wait",
                    ) from error
                time.sleep(min(left, random.uniform(0.05, 0.5)))  # noqa: S311  (jitter, no secret)

    def _take_lock(self, deadline: float) -> None:
        self._connection.execute(_SESSION)
        self._limit_locks(deadline - time.monotonic())
        self._connection.execute("select pg_catalog.pg_advisory_xact_lock(%s, %s)", _LOCK_KEYS)
        self._limit_locks(min(deadline - time.monotonic(), _TABLE_LOCK_SECONDS))
        self._connection.execute(_SAFE)

    def _limit_locks(self, seconds: float) -> None:
        # 0 would mean for ever
        milliseconds = max(1, int(seconds * 1000))
        self._connection.execute("select pg_catalog.set_config('lock_timeout', %s, true)", (f"{milliseconds}ms",))

    def _create_ledger(self) -> None:
        if not self._ledger.exists():
            self._execute(ledger_sql())

    def _execute(self, file: SqlFile) -> None:
        try:
            self._connection.execute(file.data)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            raise
        except psycopg.DatabaseError as error:
            raise _failed(file, error) from error
        if self._connection.info.transaction_status is not TransactionStatus.INTRANS:
            raise CliError(f"{file.name} ended the transaction it was run in")
        # a file may have set these for itself
        self._connection.execute(_SAFE)


def _opening(files: list[SqlFile]) -> list[str]:
    """Return a transaction of a script up to what the ledger records of it."""
    lines = ["begin;", f"{_SESSION};", f"select pg_catalog.pg_advisory_xact_lock{_LOCK_KEYS};", f"{_SAFE};"]
    for file in files:
        lines += [f"-- {file.name}", file.text.rstrip()]
    return [*lines, "-- the ledger"]


def _failed(file: SqlFile, error: psycopg.Error) -> CliError:
    """Return an error that says which file failed, and in which line where the server knows."""
    diagnostic = error.diag
    position = diagnostic.statement_position
    line = f":{file.text.count(chr(10), 0, int(position)) + 1}" if position else ""
    return CliError(
        f"{file.name}{line}: {str(error).splitlines()[0]}",
        detail=diagnostic.message_detail or diagnostic.context,
        hint=diagnostic.message_hint,
    )


def _state(file: SqlFile, recorded: dict[str, tuple[Kind, str]]) -> State:
    row = recorded.get(file.id)
    if row is None:
        return "pending"
    return "applied" if row[1] == file.sha256 else "changed"
