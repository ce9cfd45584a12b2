"""`esdb indexes`: carries out what esdb._optional_index_plan() says is left, while appends go on."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

import click

from esdb_cli.alone import alone
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import connect, database_option, rows
from esdb_cli.errors import CliError
from esdb_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from esdb_cli.db import Row

# One run at a time: the key of the advisory lock of the session that works. esdb_meta._optional_index_faults() asks
# whether somebody holds it.
_LOCK_KEY: Final = "29284::bigint << 48"
_WAIT_HELP: Final = "Seconds that one statement may wait for open transactions; then exit 4."
_DRY_RUN_HELP: Final = "Print the exact SQL and change nothing."


@click.group()
def indexes() -> None:
    """Add and drop the indexes that not every store needs.

    Each costs every append a little, so none is there until it is enabled.
    """


@indexes.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def list_command(*, as_json: bool, database_url: str | None) -> None:
    """List the optional indexes: off, building or on."""
    with connect(database_url) as connection:
        listed = rows(connection, "select * from esdb.list_optional_indexes()")
    if as_json:
        print_json(listed)
    else:
        print_table(listed, ["name", "state", "tables", "tables_with_it", "serves"])


@indexes.command("enable", short_help="Build an index on all partitions while appends go on.")
@click.argument("name")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=_WAIT_HELP)
@click.option("--dry-run", is_flag=True, help=_DRY_RUN_HELP)
@database_option
def enable_command(*, name: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Build an index on all partitions while appends go on; partitions made later have it from the start.

    Each partition's is made by CREATE INDEX CONCURRENTLY. It blocks nobody, but waits for every transaction that was
    open before it, also for those that only read: a backup or a forgotten session holds it up. A run that was ended
    is continued by the next. Connect to the server itself, not through a pooler.
    """
    _run(name, wanted=True, wait=wait, dry_run=dry_run, database_url=database_url)


@indexes.command("disable", short_help="Drop an index from all partitions while appends go on.")
@click.argument("name")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=_WAIT_HELP)
@click.option("--dry-run", is_flag=True, help=_DRY_RUN_HELP)
@database_option
def disable_command(*, name: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Drop an index from all partitions while appends go on.

    DROP INDEX CONCURRENTLY blocks nobody, but waits for the transactions that use the partition. A run that was ended
    is continued by the next. Connect to the server itself, not through a pooler.
    """
    _run(name, wanted=False, wait=wait, dry_run=dry_run, database_url=database_url)


def _run(name: str, *, wanted: bool, wait: float, dry_run: bool, database_url: str | None) -> None:
    with connect_to_change(database_url) as connection:
        if dry_run:
            click.echo(script(connection, name, wanted=wanted), nl=False)
            return
        done = change(connection, name, wanted=wanted, wait=wait, report=say)
    state = "on" if wanted else "off"
    say(f"{name} is {state}" if done else f"nothing to do: {name} is {state}")


def script(connection: Connection[Any], name: str, *, wanted: bool) -> str:
    """Return the SQL that is left to do; no transaction may be open around it."""
    from psycopg import sql

    record = sql.SQL("select esdb._want_optional_index({}, {});\n").format(name, wanted).as_string(connection)
    finish = sql.SQL("select esdb._finish_optional_index({});\n").format(name).as_string(connection)
    steps = [_render(step) for step in plan(connection, name, wanted=wanted)]
    return "\n".join([record, *steps, *([finish] if wanted else [])])


def plan(connection: Connection[Any], name: str, *, wanted: bool) -> list[Row]:
    """Return the DDL steps that are left, in order."""
    return rows(connection, "select * from esdb._optional_index_plan(%s, %s)", (name, wanted))


def change(
    connection: Connection[Any],
    name: str,
    *,
    wanted: bool,
    wait: float = 60.0,
    report: Callable[[str], None] = lambda _: None,
) -> int:
    """Make an optional index stand everywhere or nowhere and return the number of steps it took.

    wait: seconds that one statement may wait for locks. The wish is recorded first, so partitions that are made
    meanwhile follow it; then the plan is carried out until nothing is left of it. A partition that is renamed or made
    meanwhile ends a round early, and so does a deadlock: the next round's plan knows.
    """
    with alone(connection, _LOCK_KEY, command="esdb indexes", wait=wait):
        connection.execute("select esdb._want_optional_index(%s, %s)", (name, wanted))
        return _work(connection, name, wanted=wanted, wait=wait, report=report)


def _work(connection: Connection[Any], name: str, *, wanted: bool, wait: float, report: Callable[[str], None]) -> int:
    """Carry out the plan, and ask again until nothing is left of it."""
    from psycopg import errors

    moved = (errors.UndefinedTable, errors.UndefinedObject, errors.DuplicateTable, errors.DeadlockDetected)
    deadline = time.monotonic() + wait
    done = 0
    made: set[str] = set()
    while not _is_done(connection, name, wanted=wanted):
        steps = plan(connection, name, wanted=wanted)
        if wanted:
            _refuse_hopeless(name, steps, made)
        try:
            for number, step in enumerate(steps, start=1):
                report(f"[{number}/{len(steps)}] {step['action'].replace('_', ' ')} {step['index_name']}")
                connection.execute(_render(step))  # rendered from our own templates
                if step["action"] == "create_index":
                    made.add(step["index_name"])
                done += 1
                deadline = time.monotonic() + wait
        except moved as error:
            if time.monotonic() > deadline:
                raise
            report(f"again: {error.diag.message_primary}")
            time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - jitter
    return done


def _refuse_hopeless(name: str, steps: list[Row], made: set[str]) -> None:
    """Refuse to go on for ever: nothing is left and it is still not ready, or what was made is to be made again."""
    if not steps:
        raise CliError(f"{name} was disabled meanwhile", hint=f"esdb indexes enable {name}")
    if again := sorted(step["index_name"] for step in steps if step["index_name"] in made):
        raise CliError(f"not as it must be although it was made just now: {', '.join(again)}", hint="esdb verify")


def _is_done(connection: Connection[Any], name: str, *, wanted: bool) -> bool:
    """Tell whether nothing is left; then, where the index is wanted, it is ready."""
    if not wanted:
        return not plan(connection, name, wanted=False)
    row = connection.execute("select esdb._finish_optional_index(%s)", (name,)).fetchone()
    return bool(row and row[0])


def _render(step: Row) -> str:
    from esdb_cli.render import render

    return render(step["action"], step)
