"""`esdb settings`: lists the store's settings, changes one, sets one back."""

from __future__ import annotations

from typing import Any

import click

from esdb_cli.arguments import wait_option
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.ddl import patient
from esdb_cli.output import print_json, print_table, say

_COLUMNS = ("name", "value", "default_value", "minimum", "maximum", "is_changed", "meaning")


@click.group()
def settings() -> None:
    """List and change the store's settings."""


@settings.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def list_command(*, as_json: bool, database_url: str | None) -> None:
    """List the settings: value in force, default, bounds, meaning."""
    with connect(database_url) as connection:
        listed = rows(connection, call("esdb.list_settings", {}))
    if as_json:
        print_json(listed)
    else:
        print_table(({**row, "is_changed": "yes" if row["is_changed"] else "no"} for row in listed), _COLUMNS)


@settings.command("set")
@click.argument("name")
@click.argument("value")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def set_command(*, name: str, value: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Change a setting; it holds at once, for every session."""
    _change(name, {"name": name, "value": value}, wait=wait, dry_run=dry_run, database_url=database_url)


@settings.command("reset")
@click.argument("name")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def reset_command(*, name: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Set a setting back to its default."""
    _change(name, {"name": name}, wait=wait, dry_run=dry_run, database_url=database_url)


def _change(name: str, arguments: dict[Any, Any], *, wait: float, dry_run: bool, database_url: str | None) -> None:
    statement = call("esdb.set_setting", arguments)
    if dry_run:
        click.echo(f"{statement.as_string()};")
        return
    with connect(database_url) as connection, patient(connection, wait, "could not change the setting"):
        row = connection.execute(statement).fetchone()
    say(f"{name} is {row[0] if row else None}")
