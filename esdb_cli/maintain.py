"""`esdb maintain`: everything that a store wants done again and again, as one command for cron."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString

import click

from esdb_cli.arguments import EnvironmentOption
from esdb_cli.compatibility import NewerStoreError, connect_to_change
from esdb_cli.db import database_option
from esdb_cli.errors import EXIT_CANNOT_CONNECT, EXIT_FAILED, EXIT_LOCK_TIMEOUT, EXIT_USAGE, CliError, from_database
from esdb_cli.output import print_json, print_table, say
from esdb_cli.snapshots import clean_up, days, older_than_days_option
from esdb_cli.snapshots import script as cleanup_script

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

KEYS_AT_ONCE: Final = 10_000
"""Keys that are removed in one transaction: some hundredths of a second."""
_BUSY: Final = "another run is at it"
_AGAIN: Final = "-- each time in a transaction of its own, until it returns fewer than {}:\n"
_PURGE: Final = f"select esdb._purge_idempotency_keys({KEYS_AT_ONCE})"
_REFRESH: Final = "select esdb.refresh_event_statistics()"
_MARK: Final = "select esdb.publish_mark()"


@dataclass(frozen=True)
class Options:
    """How long a step may wait for a lock, and a statement of its may run (0: for ever), in seconds; and what to keep.

    older_than_days: for which each snapshot stays; None: the setting snapshot_retention. archives: the directory that
    partitions past their retention go to; None: they stay.
    """

    lock_timeout: float
    statement_timeout: float
    older_than_days: int | None
    archives: Path | None


@dataclass(frozen=True)
class Done:
    """What a step did, and whether it was left, from some point on, to another run that is at it."""

    detail: str
    is_skipped: bool = False


@dataclass(frozen=True)
class Step:
    """A part of the maintenance: how to do it, and the SQL of it; both get a connection of the step's own."""

    name: str
    run: Callable[[psycopg.Connection[Any], Options], Done]
    script: Callable[[psycopg.Connection[Any], Options], str]


@dataclass
class Outcome:
    """What became of a step."""

    step: str
    result: str
    detail: str
    seconds: float


def _create_next(connection: psycopg.Connection[Any], options: Options) -> Done:
    from esdb_cli.partitions import create_next

    # it takes turns with other runs, and asks for locks briefly and again, as long as lock_timeout is
    try:
        made = create_next(
            connection, wait=options.lock_timeout, statement_timeout=_milliseconds(options.statement_timeout)
        )
    except CliError as error:
        if error.exit_code == EXIT_LOCK_TIMEOUT and _are_partitions_being_made(connection):
            return Done(_BUSY, is_skipped=True)
        raise
    partitions = sum(step["action"] == "create_month" for step in made)
    return Done(f"{partitions} months made" if made else "nothing to do")


def _are_partitions_being_made(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether a run of create-next keeps this one from the partitions: it may read an overflow for long."""
    with connection.transaction():
        row = connection.execute("select esdb._try_step('create-next')").fetchone()
    return row is not None and not row[0]


def _script_of_create_next(connection: psycopg.Connection[Any], _: Options) -> str:
    from esdb_cli.partitions import plan, script

    return script(plan(connection, None)) or "-- nothing to do\n"


def _seal(connection: psycopg.Connection[Any], options: Options) -> Done:
    from esdb_cli.seal import seal

    done = seal(connection, wait=options.lock_timeout, statement_timeout=_milliseconds(options.statement_timeout))
    if done.held and _are_partitions_being_made(connection):
        return _so_far(len(done.sealed), "sealed", is_finished=False)
    done.raise_for_held()
    return Done(f"{len(done.sealed)} partitions sealed" if done.sealed else "nothing to do")


def _script_of_seal(connection: psycopg.Connection[Any], _: Options) -> str:
    from esdb_cli.seal import script

    return script(connection, None) or "-- nothing to do\n"


def _archive(connection: psycopg.Connection[Any], options: Options) -> Done:
    from esdb_cli.alone import BusyError
    from esdb_cli.archive import archive

    due = _due_for_archive(connection)
    if not due:
        return Done("nothing to do")
    if options.archives is None:
        return Done(f"{len(due)} partitions are past their time: give --archive-to", is_skipped=True)
    try:
        done = archive(
            connection, {}, options.archives,
            wait=options.lock_timeout, statement_timeout=_milliseconds(options.statement_timeout),
        )  # fmt: skip
    except BusyError:
        return Done(_BUSY, is_skipped=True)
    return Done(f"{len(done)} partitions archived" if done else "nothing to do")


def _due_for_archive(connection: psycopg.Connection[Any]) -> set[str]:
    """Give the partitions that are sealed and past their context's time, or were left half archived."""
    from esdb_cli.archive import plan

    return {step["partition"] for step in plan(connection, {}) if step["action"]}


def _script_of_the_archives(connection: psycopg.Connection[Any], options: Options) -> str:
    from esdb_cli.archive import plan, script

    if options.archives is None:
        due = len(_due_for_archive(connection))
        return f"-- {due} partitions are past their time: give --archive-to\n" if due else "-- nothing to do\n"
    return script(connection, plan(connection, {}), options.archives) or "-- nothing to do\n"


def _purge_keys(connection: psycopg.Connection[Any], options: Options) -> Done:
    removed = 0
    while True:
        row = _alone("purge-keys", connection, options, _PURGE)
        if row is None:
            return _so_far(removed, "removed", is_finished=False)
        removed += row[0]
        if row[0] < KEYS_AT_ONCE:
            return _so_far(removed, "removed", is_finished=True)


def _clean_up_snapshots(connection: psycopg.Connection[Any], options: Options) -> Done:
    removed, is_finished = clean_up(
        _which_snapshots(options), lambda batch: _alone("clean-snapshots", connection, options, batch)
    )
    return _so_far(removed, "removed", is_finished=is_finished)


def _script_of_the_snapshots(_: psycopg.Connection[Any], options: Options) -> str:
    return cleanup_script(_which_snapshots(options))


def _which_snapshots(options: Options) -> dict[Any, Any]:
    return {"older_than": days(options.older_than_days)}


def _so_far(number: int, done: str, *, is_finished: bool) -> Done:
    if is_finished:
        return Done(f"{number} {done}")
    return Done(f"{number} {done}, then {_BUSY}" if number else _BUSY, is_skipped=True)


def _refresh_statistics(connection: psycopg.Connection[Any], options: Options) -> Done:
    row = _alone("refresh-stats", connection, options, _REFRESH)
    return Done(_BUSY, is_skipped=True) if row is None else Done("refreshed")


def _publish_mark(connection: psycopg.Connection[Any], options: Options) -> Done:
    row = _alone("mark", connection, options, _MARK)
    return Done(_BUSY, is_skipped=True) if row is None else Done(f"published up to {row[0]}")


def _alone(
    step: str, connection: psycopg.Connection[Any], options: Options, statement: LiteralString | Composed
) -> tuple[Any, ...] | None:
    """Run a statement in a transaction that no other run's same step is beside, for its row; None when one is."""
    with connection.transaction():
        connection.execute(
            "select set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)",
            (_milliseconds(options.lock_timeout), _milliseconds(options.statement_timeout)),
        )
        row = connection.execute("select esdb._try_step(%s)", (step,)).fetchone()
        if row is None or not row[0]:
            return None
        return connection.execute(statement).fetchone()


def _milliseconds(seconds: float) -> str:
    # 0 means no limit, so the shortest one is a millisecond
    return f"{max(1, round(seconds * 1000)) if seconds else 0}ms"


def _same(statement: str) -> Callable[[psycopg.Connection[Any], Options], str]:
    """Give a script that asks the database nothing."""
    return lambda _connection, _options: f"{statement};\n"


STEPS: Final = (
    Step("create-next", _create_next, _script_of_create_next),
    Step("seal", _seal, _script_of_seal),
    Step("retention", _archive, _script_of_the_archives),
    Step("purge-keys", _purge_keys, _same(_AGAIN.format(KEYS_AT_ONCE) + _PURGE)),
    Step("clean-snapshots", _clean_up_snapshots, _script_of_the_snapshots),
    Step("refresh-stats", _refresh_statistics, _same(_REFRESH)),
    Step("mark", _publish_mark, _same(_MARK)),
)
_NAMES: Final = [step.name for step in STEPS]


@click.command()
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="Only this step; can be repeated.")
@click.option("--skip", multiple=True, type=click.Choice(_NAMES), help="Not this step; can be repeated.")
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0.001),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a step waits for locks.",
)
@click.option(
    "--statement-timeout",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a statement of a step may run; 0: for ever.",
)
@older_than_days_option("--snapshots-older-than-days")
@click.option(
    "--archive-to",
    "archives",
    cls=EnvironmentOption,
    type=click.Path(exists=True, file_okay=False, writable=True, resolve_path=True, path_type=Path),
    envvar="ESDB_ARCHIVE_TO",
    metavar="DIR",
    help="Archive what is past its context's time into this directory  [env: ESDB_ARCHIVE_TO; default: only tell].",
)
@click.option("--dry-run", is_flag=True, help="Print the exact SQL of each step and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of each step as JSON.")
@database_option
def maintain(
    *,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    database_url: str | None,
    **given: Any,
) -> None:
    """Do the store's regular maintenance, step by step.

    Make the partitions that are due, seal those that are over, archive those past their context's time if --archive-to
    says where, remove idempotency keys and snapshots past their time, refresh the statistics, publish the feed's mark
    to standbys. A step that fails does not stop the others. Safe every minute and from several hosts at once: a step
    that another run is at is left to it. Exits 1 when a step failed, 4 when all that failed were locked out.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    steps = [step for step in STEPS if (not only or step.name in only) and step.name not in skip]
    if not steps:
        raise click.UsageError("--only and --skip leave no step to do.")
    options = Options(**given)
    if dry_run:
        with connect_to_change(database_url) as connection:
            for step in steps:
                click.echo(f"-- {step.name}\n{step.script(connection, options)}", nl=False)
        return
    outcomes, codes = [], []
    for step in steps:
        outcome, code = _do(step, database_url, options)
        outcomes.append(outcome)
        codes.append(code)
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        print_table([asdict(outcome) for outcome in outcomes], ["step", "result", "detail", "seconds"])
    if failed := {code for code in codes if code}:
        raise click.exceptions.Exit(failed.pop() if len(failed) == 1 else EXIT_FAILED)


def _do(step: Step, database_url: str | None, options: Options) -> tuple[Outcome, int]:
    """Do a step on a connection of its own, so that none leaves anything to the next; tell its error and exit code."""
    import psycopg

    begun = time.monotonic()
    code = 0
    try:
        with connect_to_change(database_url) as connection:
            done = step.run(connection, options)
        result, detail = "skipped" if done.is_skipped else "ok", done.detail
    except (CliError, psycopg.Error) as raised:
        error = from_database(raised) if isinstance(raised, psycopg.Error) else raised
        if error.exit_code == EXIT_USAGE or isinstance(error, NewerStoreError):
            raise error from None  # no database is given, or it is another package's: that is not for each step to say
        code = error.exit_code if error.exit_code in {EXIT_LOCK_TIMEOUT, EXIT_CANNOT_CONNECT} else EXIT_FAILED
        result, detail = "locked out" if code == EXIT_LOCK_TIMEOUT else "failed", error.message
        say(f"{step.name}:")
        error.show()
    return Outcome(step.name, result, detail, round(time.monotonic() - begun, 3)), code
