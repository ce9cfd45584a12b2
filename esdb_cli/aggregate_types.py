"""`esdb aggregate-types`: where new streams of a type belong when their first append does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from esdb_cli.arguments import wait_option
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.ddl import patient
from esdb_cli.errors import CliError
from esdb_cli.output import print_json, print_table, printable, say

if TYPE_CHECKING:
    from psycopg.sql import Composed

_COLUMNS = ("aggregate_type", "bounded_context", "bounded_context_name", "group_context", "group_context_name")


@click.group("aggregate-types")
def aggregate_types() -> None:
    """Say where new streams of an aggregate type belong."""


@aggregate_types.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def list_command(*, as_json: bool, database_url: str | None) -> None:
    """List the registered aggregate types with their contexts."""
    with connect(database_url) as connection:
        registered = rows(connection, "select * from esdb.aggregate_type_contexts order by aggregate_type")
    if as_json:
        print_json(registered)
    else:
        print_table(registered, _COLUMNS)


@aggregate_types.command("set", short_help="Register an aggregate type, or change its contexts.")
@click.argument("aggregate_type", metavar="TYPE")
@click.option("--context", "bounded_context", required=True, help="Bounded context, its code or name.")
@click.option("--group", "group_context", required=True, help="Group context, its code or name.")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def set_command(
    *,
    aggregate_type: str,
    bounded_context: str,
    group_context: str,
    wait: float,
    dry_run: bool,
    database_url: str | None,
) -> None:
    """Register an aggregate type, or change its contexts.

    Streams that exist keep theirs.
    """
    statement = call(
        "esdb.set_aggregate_type",
        {"aggregate_type": aggregate_type, "bounded_context": bounded_context, "group_context": group_context},
    )
    if dry_run:
        _print(statement)
        return
    with connect(database_url) as connection, patient(connection, wait, "could not change the registration"):
        connection.execute(statement)
    say(f"new streams of {printable(aggregate_type)} belong to {bounded_context} and {group_context}")


@aggregate_types.command("remove", short_help="Remove an aggregate type's registration.")
@click.argument("aggregate_type", metavar="TYPE")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def remove_command(*, aggregate_type: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Remove an aggregate type's registration.

    Its streams stay as they are; the first append of a new one has to name its contexts.
    """
    statement = call("esdb.remove_aggregate_type", {"aggregate_type": aggregate_type})
    if dry_run:
        _print(statement)
        return
    with connect(database_url) as connection, patient(connection, wait, "could not remove the registration"):
        row = connection.execute(statement).fetchone()
    if row != (True,):
        raise CliError(f"the aggregate type {aggregate_type!r} is not registered")
    say(f"{printable(aggregate_type)} is not registered any more")


def _print(statement: Composed) -> None:
    click.echo(f"{statement.as_string()};")
