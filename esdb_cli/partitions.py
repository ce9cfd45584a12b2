"""`esdb partitions`: carries out what esdb._partition_plan() says is due, and lists what is there."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.archive import archive_command
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import WITHOUT_TIME_LIMITS, connect, database_option, rows
from esdb_cli.ddl import carry_out
from esdb_cli.errors import CliError
from esdb_cli.output import print_json, print_table, say
from esdb_cli.partition_render import render_command
from esdb_cli.partition_status import status_command
from esdb_cli.restore import restore_command
from esdb_cli.seal import seal_command, unseal_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from esdb_cli.db import Row

STEP: Final = "create-next"
_SECONDS_TO_TAKE_BOUNDS_AWAY = 10.0
_LISTED = (
    "partition",
    "kind",
    "lower_bound",
    "upper_bound",
    "rows_estimate",
    "total_bytes",
    "min_position",
    "max_position",
)
_BEHIND_A_BOUND = ("bound_overflow", "validate_overflow", "attach_span")


@click.group()
def partitions() -> None:
    """Make, check and list the partitions of the events."""


@partitions.command("create-next", short_help="Make the partitions that are due, by the clock.")
@click.option("--months", type=click.IntRange(0, 120), help="Whole months ahead [default: setting partitions_ahead].")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to try for locks.")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@database_option
def create_next_command(
    months: int | None, wait: float, dry_run: bool, as_json: bool, database_url: str | None
) -> None:
    """Make the partitions that are due, for every context, by the clock.

    Safe to run again at any time and from two places at once.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    with connect_to_change(database_url) as connection:
        if dry_run:
            click.echo(script(plan(connection, months)), nl=False)
            return
        done = create_next(connection, months=months, wait=wait)
    if as_json:
        print_json([{name: step[name] for name in step if name != "optional_indexes"} for step in done])
    elif done:
        print_table(done, ["action", "partition", "lower_bound", "upper_bound"])
    else:
        click.echo("nothing to do: every context has its partitions", err=True)


@partitions.command("list")
@click.option("--context", help="Only this bounded context (its code or name).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def list_command(context: str | None, as_json: bool, database_url: str | None) -> None:
    """List the partitions: bounds, sizes, positions."""
    with connect(database_url) as connection:
        listed = rows(
            connection,
            "select * from esdb.partitions"
            " where %(context)s::text is null or %(context)s in (bounded_context, context_name)"
            " order by context_name, lower_bound",
            {"context": context},
        )
    if context is not None and not listed:
        raise CliError(f"no partitions of a bounded context {context}", hint="esdb contexts list --kind bounded")
    if as_json:
        print_json(listed)
    else:
        print_table(listed, _LISTED)


def plan(
    connection: Connection[Any], months: int | None = None, *, context: tuple[str, str] | None = None
) -> list[Row]:
    """Return the DDL steps that are due, in order: for every context, or for one, given by code and name."""
    arguments = (months, *(context or (None, None)))
    return rows(connection, "select * from esdb._partition_plan(%s, %s, %s)", arguments)


def first_phase(steps: list[Row]) -> list[Row]:
    """Return the steps of a plan that belong into its first transaction."""
    return list(takewhile(lambda step: _phase(step) == _phase(steps[0]), steps))


def render_steps(steps: list[Row]) -> list[str]:
    """Return the SQL of each step."""
    from esdb_cli.render import render

    return [render(step["action"], step) for step in steps]


def script(steps: list[Row]) -> str:
    """Return the SQL of all steps, a transaction a phase: appends never meet a state in between."""
    transactions = ["\n".join(render_steps(list(phase))) for _, phase in groupby(steps, _phase)]
    return "\n".join(f"begin;\n{transaction}commit;\n" for transaction in transactions)


def create_next(
    connection: Connection[Any], *, months: int | None = None, wait: float = 60.0, statement_timeout: str = "0"
) -> list[Row]:
    """Make the partitions that are due and return the steps taken; `wait` is in seconds.

    Each transaction takes the lock, asks for the plan, carries out its first phase and commits; so runs at the same
    time take turns, and a killed one leaves a plan for the next. A bound that was put on an overflow and cannot be
    made a span of, for whatever reason, is taken away again before the reason is raised.

    Whoever is at it holds the step's lock too: `esdb maintain` asks for it to tell a run from a transaction in the way.

    statement_timeout: of each statement but the proof of such a bound, which blocks nobody and reads all of the
    overflow: a limit that it does not keep today it will not keep tomorrow.
    """
    bounded: set[str] = set()

    def next_phase() -> list[Row]:
        connection.execute("select set_config('statement_timeout', %s, true)", (statement_timeout,))
        connection.execute("select esdb._try_step(%s)", (STEP,))
        steps = first_phase(plan(connection, months))
        bounded.update(step["overflow"] for step in steps if step["action"] in _BEHIND_A_BOUND)
        if any(step["action"] == "validate_overflow" for step in steps):
            connection.execute(WITHOUT_TIME_LIMITS)
        for sql in render_steps(steps):
            connection.execute(sql)  # rendered from our own templates
        return steps

    with _terminated_as_interrupted():
        try:
            return carry_out(connection, next_phase, wait=wait, failure="could not make the partitions")
        except BaseException:
            if bounded:
                _settle(connection)
                _take_bounds_away(connection, bounded)
            raise


def _settle(connection: Connection[Any]) -> None:
    """End what an interrupt left under way, so that the connection can be used again."""
    from psycopg.pq import TransactionStatus

    if connection.info.transaction_status == TransactionStatus.ACTIVE:
        connection.cancel()
        while connection.pgconn.get_result() is not None:
            pass
    if connection.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        connection.execute("rollback")


def _take_bounds_away(connection: Connection[Any], overflows: set[str]) -> None:
    """Take the unfinished bounds away from overflows, in a short transaction; say so where that fails.

    One that is proven and ends far ahead stays, for the next run to go on with.
    """
    import psycopg

    def next_phase() -> list[Row]:
        steps = rows(
            connection,
            "select * from esdb._unfinished_bounds() where not is_safe and partition = any (%s)",
            (sorted(overflows),),
        )
        for sql in render_steps(steps):
            connection.execute(sql)
        return steps

    try:
        carry_out(connection, next_phase, wait=_SECONDS_TO_TAKE_BOUNDS_AWAY, failure="could not take the bound away")
    except (CliError, psycopg.Error):
        say(
            f"a bound is left on {', '.join(sorted(overflows))}, appends past it would fail: run"
            " `esdb partitions create-next` again; `esdb partitions status` tells from when on"
        )


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, which schedulers send, end the work as Ctrl-C does: the statement is cancelled, and amends made."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _phase(step: Row) -> tuple[Any, Any]:
    return step["context_name"], step["phase"]


partitions.add_command(status_command)
partitions.add_command(render_command)
partitions.add_command(seal_command)
partitions.add_command(unseal_command)
partitions.add_command(archive_command)
partitions.add_command(restore_command)
