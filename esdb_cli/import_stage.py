"""A batch of an import on its way to the server: staged whole, or only by what its events mean for their streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from esdb_cli.import_lines import Batch, Split

_COPY_LINES: Final = "copy pg_temp.esdb_import_lines (number, line) from stdin"
_COPY_STEPS: Final = (
    "copy pg_temp.esdb_import_steps (position, bounded_context, group_context, feature_context, aggregate_type,"
    " aggregate_id, event_type, version, timestamp) from stdin"
)
_COLUMNS: Final = (
    "id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id, event_type,"
    " schema_version, version, timestamp, occurred_at, payload, metadata, recorded_by"
)
_COPY_STAGED: Final = f"copy pg_temp.esdb_import_events (number, position, {_COLUMNS}) from stdin (null 'null')"
_COPY_EVENTS: Final = f"copy esdb.events (position, {_COLUMNS}) from stdin (null 'null')"


def no_event() -> tuple[type[Exception], ...]:
    """Return what the server raises where columns are no event."""
    from psycopg import errors

    return (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded, errors.StatementTooComplex)


def stage_steps(connection: psycopg.Connection[Any], split: Split) -> None:
    """Stage what the events mean for their streams."""
    connection.execute("select esdb._import_begin_steps()")
    with connection.cursor() as cursor, cursor.copy(_COPY_STEPS) as copy:
        copy.write(split.steps)


def write_split(connection: psycopg.Connection[Any], split: Split, positions: Sequence[int]) -> None:
    """Copy the events into their partitions, at the positions drawn."""
    with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        copy.write(split.copy_text([b"%d" % position for position in positions]))


def stage(connection: psycopg.Connection[Any], batch: Batch, split: Split | None) -> bool:
    """Stage a batch whole, and its steps; tell whether it may be plain: no faults, and in order."""
    connection.execute("select esdb._import_begin()")
    has_faults = False
    if split is None or not _stage_split(connection, batch, split):
        with connection.cursor() as cursor, cursor.copy(_COPY_LINES) as copy:
            copy.write(batch.copy_text())
        has_faults = bool(_value(connection, "select esdb._import_stage()")) or bool(batch.faults)
    is_in_order = bool(_value(connection, "select esdb._import_steps()"))
    return is_in_order and not has_faults


def _stage_split(connection: psycopg.Connection[Any], batch: Batch, split: Split) -> bool:
    """Stage lines that are split; tell whether all are events. _import_stage() names the faults of others."""
    from psycopg import Rollback

    try:
        with connection.transaction():
            with connection.cursor() as cursor, cursor.copy(_COPY_STAGED) as copy:
                numbered = enumerate(split.positions, batch.first)
                copy.write(split.copy_text([b"%d\t%d" % line for line in numbered]))
            if not _value(connection, "select esdb._import_are_sound()"):
                raise Rollback
            return True
    except no_event():
        pass
    return False


def _value(connection: psycopg.Connection[Any], query: LiteralString) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
