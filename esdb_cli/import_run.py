"""The run of an import: batches staged side by side on connections of their own, and written in order.

A plain batch, with nothing in it but events that follow each other and what is stored, takes its turn twice: to draw
the positions of its events, and to move the rows of the streams that go on and to commit. In between it is written
beside others. Any other batch, and one that failed to be plain after all, is written alone, when all before it are.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, LiteralString

from esdb_cli.db import WITHOUT_TIME_LIMITS, connect, rows
from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError
from esdb_cli.import_stage import no_event, stage, stage_steps, write_split
from esdb_cli.turns import OvertakenError, TwoTurns, switching_often

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from esdb_cli.db import Row
    from esdb_cli.import_lines import Batch, Split

STEP: Final = "import"
"""The name of the lock that lets one import run at a time."""
_ATTEMPTS: Final = 10
_SETTINGS: Final = (
    "select set_config('work_mem', '64MB', true), set_config('jit', 'off', true), set_config('timezone', 'UTC', true)"
)


@dataclass
class Totals:
    """What an import has done so far: the lines that are done with, and what became of them."""

    lines: int = 0
    events: int = 0
    known: int = 0
    refused: int = 0
    min_position: int | None = None
    max_position: int | None = None


@dataclass(frozen=True)
class Fault:
    """A line that cannot be imported."""

    line: int
    fault: str
    text: str


class StoppedAtFaultsError(Exception):
    """A batch had bad lines, and bad lines end the run; nothing of the batch was kept."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


@dataclass
class Import:
    """An import of batches into the store of a URL.

    goes_on: leave bad lines out; else they end the run. report_faults and report_progress are called in the order of
    the batches, after each is committed.
    """

    url: str | None
    name: str
    batches: Iterator[Batch]
    max_payload_bytes: int
    goes_on: bool = False
    jobs: int = 4
    wait: float = 60.0
    report_faults: Callable[[list[Fault]], None] = lambda _: None
    report_progress: Callable[[int, Totals], None] = lambda _end, _totals: None
    totals: Totals = field(default_factory=Totals)
    unsealed: list[tuple[str, str]] = field(default_factory=list)
    """The partitions that were unsealed: code of the context and name."""

    def __post_init__(self) -> None:
        """Prepare what the threads share."""
        self._reading = threading.Lock()
        self._turns = TwoTurns()
        self._last_positions = {-1: 0}
        """The highest position in the file up to a batch, by its index."""
        self._writing: dict[int, str] = {}
        """The transactions of the plain batches that are being written, by their index."""
        self._partitions: set[tuple[bytes, bytes]] = set()
        """Where nothing had to be made or unsealed any more, when the run last looked: context and month."""
        self._was_plain = True
        """Whether the last batch was: the next one probably is what this one was."""
        self._is_audited = False

    def run(self) -> None:
        """Import everything; raises the first error of any batch."""
        with switching_often(), connect(self.url) as guard, guard.transaction():
            self._take_lock(guard)
            self._guard = guard
            try:
                self._turns.run(self.jobs, self._work)
            except BaseException:
                with suppress(Exception):  # what ended the import may have ended the server
                    self._audit_end("stopped")
                raise
            self._audit_end("ended")

    def check(self) -> None:
        """Check everything against the store and change nothing: one transaction, rolled back."""
        with connect(self.url) as connection, connection.transaction(force_rollback=True):
            self._begin(connection)
            for batch in self.batches:
                stage(connection, batch, batch.split(self.max_payload_bytes))
                connection.execute("select from esdb._import_obstacles()")  # refuses what is archived
                row = self._write_alone(connection, batch, is_dry_run=True)
                faults = self._faults(connection, batch, row)
                self._last_positions[batch.index] = row["last_position"]
                self._count(batch, row, faults)

    @staticmethod
    def _take_lock(guard: psycopg.Connection[Any]) -> None:
        guard.execute(WITHOUT_TIME_LIMITS)
        row = guard.execute("select esdb._try_step(%s)", (STEP,)).fetchone()
        if row is None or not row[0]:
            raise CliError("another import is running", EXIT_LOCK_TIMEOUT)

    def _work(self) -> None:
        """Do batch after batch on a connection, until there is none or any batch failed."""
        with connect(self.url) as connection:
            while not self._turns.has_failed:
                # in a transaction, lest a session be ended for being idle while its input takes long
                with connection.transaction():
                    self._begin(connection)
                    with self._reading:
                        batch = next(self.batches, None)
                if batch is None:
                    return
                self._do(connection, batch)

    @staticmethod
    def _begin(connection: psycopg.Connection[Any]) -> None:
        connection.execute(WITHOUT_TIME_LIMITS)
        connection.execute(_SETTINGS)

    def _do(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        """Import a batch in one transaction, again where something changed under it."""
        from psycopg import errors

        attempt = 0
        split = batch.split(self.max_payload_bytes)
        may_be_plain = True
        while True:
            try:
                with connection.transaction():
                    self._begin(connection)
                    row = self._write(connection, batch, split, may_be_plain=may_be_plain)
                    faults = self._faults(connection, batch, row)
                    if row["event_count"] and not self._is_audited:
                        self._audit(connection, "begun")
                break
            except OvertakenError:
                self._withdraw(batch)
            except (
                errors.SerializationFailure,
                errors.DeadlockDetected,
                errors.LockNotAvailable,
                errors.UniqueViolation,
                errors.OutOfMemory,  # of locks
                errors.CheckViolation,  # no partition for an event
                errors.lookup("SE012"),
            ):
                attempt += not may_be_plain
                if attempt == _ATTEMPTS:
                    raise
                may_be_plain = False
                self._withdraw(batch)
            except no_event():
                if not may_be_plain:
                    raise
                may_be_plain = False
                self._withdraw(batch)
        self._is_audited = self._is_audited or row["event_count"] > 0
        self._last_positions[batch.index] = row["last_position"]
        self._writing.pop(batch.index, None)
        self._count(batch, row, faults)
        self._turns.finish()

    def _withdraw(self, batch: Batch) -> None:
        self._writing.pop(batch.index, None)
        self._turns.withdraw(batch.index)

    def _write(
        self, connection: psycopg.Connection[Any], batch: Batch, split: Split | None, *, may_be_plain: bool
    ) -> Row:
        """Write a batch; raises one of no_event() where split lines are no events: they have to be read then.

        Nothing but its steps is staged of a batch that is probably plain: its events come by COPY into their place.
        """
        is_staged = split is None or not may_be_plain or not self._was_plain
        if split is None or is_staged:
            may_be_plain &= stage(connection, batch, split)
        else:
            stage_steps(connection, split)
        if may_be_plain and self._is_plain(connection):
            row = self._write_plain(connection, batch, None if is_staged else split)
            if row is not None:
                return row
        if not is_staged:
            stage(connection, batch, split)
        return self._write_alone(connection, batch)

    def _is_plain(self, connection: psycopg.Connection[Any]) -> bool:
        query = "select esdb._import_own_heads() and esdb._import_fits(%s)"
        return bool(self._value(connection, query, (self.jobs,)))

    def _write_plain(self, connection: psycopg.Connection[Any], batch: Batch, split: Split | None) -> Row | None:
        """Write a plain batch beside others; None: it is not plain after all. split: unless it is staged whole."""
        index = batch.index
        self._turns.wait_to_begin(index)
        if split is None or not split.partitions <= self._partitions:
            self._remove_obstacles(connection)
        earlier = list(self._writing.values())
        reserved = self._row(connection, "select * from esdb._import_reserve(%s)", (self._last_positions[index - 1],))
        if reserved["own_xid"] is None:
            self._withdraw(batch)  # nobody in front may wait for that
            return None
        if split is not None:
            self._partitions |= split.partitions
        self._last_positions[index] = reserved["last_position"]
        self._writing[index] = reserved["own_xid"]
        self._turns.begin(index)
        positions = reserved["positions"]
        connection.execute("select esdb._import_write_streams()")
        if split is None:
            connection.execute("select esdb._import_write(%s::bigint[])", (positions,))
        else:
            write_split(connection, split, positions)
        self._turns.wait_to_finish(index)
        self._guard.execute("select 1")  # the lock is still there
        connection.execute("select esdb._import_continue(%s::xid[])", (earlier,))
        self._was_plain = True
        return {
            "event_count": len(positions), "known_count": 0, "fault_count": 0,
            "last_position": reserved["last_position"], "min_position": positions[0], "max_position": positions[-1],
        }  # fmt: skip

    def _write_alone(self, connection: psycopg.Connection[Any], batch: Batch, *, is_dry_run: bool = False) -> Row:
        """Write any batch, but for what is there already and for bad lines, when all before are written."""
        self._was_plain = False
        if not is_dry_run:
            self._turns.wait_alone(batch.index)
            self._guard.execute("select 1")
            self._remove_obstacles(connection)
        arguments = (self._last_positions[batch.index - 1], self.goes_on, is_dry_run)
        return self._row(connection, "select * from esdb._import_batch(%s, %s, %s)", arguments)

    def _remove_obstacles(self, connection: psycopg.Connection[Any]) -> None:
        """Make the partitions that are missing and unseal the sealed ones, each in a transaction of its own."""
        obstacles = rows(connection, "select * from esdb._import_obstacles()")
        if not obstacles:
            return
        with connect(self.url) as control:
            for obstacle in obstacles:
                # runs of seal leave it alone until the import ends
                self._guard.execute("select esdb._lock_step(%s)", (f"seal {obstacle['partition']}",))
                if obstacle["action"] == "unseal":
                    self._unseal(control, obstacle)
                else:
                    self._create(control, obstacle)

    def _create(self, control: psycopg.Connection[Any], step: Row) -> None:
        from esdb_cli.ddl import carry_out
        from esdb_cli.partitions import render_steps

        def next_phase() -> list[Row]:
            exists = control.execute("select to_regclass('esdb.' || %s)", (step["partition"],)).fetchone()
            if exists is None or exists[0] is not None:
                return []
            control.execute(render_steps([step])[0])
            return [step]

        carry_out(control, next_phase, wait=self.wait, failure=f"could not make {step['partition']}")

    def _unseal(self, control: psycopg.Connection[Any], step: Row) -> None:
        from esdb_cli.seal import unseal

        unseal(control, step["bounded_context"], step["lower_bound"], f"import of {self.name}", wait=self.wait)
        self.unsealed.append((step["bounded_context"], step["partition"]))

    @staticmethod
    def _value(connection: psycopg.Connection[Any], query: LiteralString, arguments: tuple[Any, ...] = ()) -> Any:
        row = connection.execute(query, arguments).fetchone()
        return row[0] if row else None

    @staticmethod
    def _row(connection: psycopg.Connection[Any], query: LiteralString, arguments: tuple[Any, ...] = ()) -> Row:
        (row,) = rows(connection, query, arguments)
        return row

    def _faults(self, connection: psycopg.Connection[Any], batch: Batch, row: Row) -> list[Fault]:
        """Return the batch's faults; where they end the run, as an error."""
        found = dict(batch.faults)
        if row["fault_count"]:
            found |= dict(connection.execute("select number, fault from pg_temp.esdb_import_faults").fetchall())
        faults = [Fault(number, found[number], batch.text_of(number)) for number in sorted(found)]
        if faults and not self.goes_on:
            raise StoppedAtFaultsError(faults)
        return faults

    def _count(self, batch: Batch, row: Row, faults: list[Fault]) -> None:
        totals = self.totals
        totals.lines = batch.last
        totals.events += row["event_count"]
        totals.known += row["known_count"]
        totals.refused += len(faults)
        totals.min_position = totals.min_position or row["min_position"]
        totals.max_position = row["max_position"] or totals.max_position
        if faults:
            self.report_faults(faults)
        self.report_progress(batch.end, totals)

    def _audit_end(self, state: str) -> None:
        if self._is_audited:
            with connect(self.url) as connection:
                self._audit(connection, state)

    def _audit(self, connection: psycopg.Connection[Any], state: str) -> None:
        """Note the import: with the first events, and at its end; a killed one has no end."""
        details: dict[str, object] = {"state": state}
        if state != "begun":
            details |= {**asdict(self.totals), "unsealed": [partition for _, partition in self.unsealed]}
        connection.execute(
            "select esdb._audit('import', %s, %s::jsonb, %s)", (self.name, json.dumps(details), details.get("events"))
        )
