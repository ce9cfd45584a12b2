"""`esdb contexts`: lists the codes of the installation, and adds one with all that it takes in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from esdb_cli.arguments import wait_option
from esdb_cli.calls import call
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import connect, database_option, rows
from esdb_cli.ddl import carry_out, patient
from esdb_cli.output import print_json, print_table, say
from esdb_cli.partitions import first_phase, plan, render_steps, script

if TYPE_CHECKING:
    from psycopg import Connection

    from esdb_cli.db import Row

KINDS = ("bounded", "group", "feature")
_REGISTER = "register_context"


@click.group()
def contexts() -> None:
    """List and add bounded, group and feature contexts."""


@contexts.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only contexts of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def list_command(*, kind: str | None, as_json: bool, database_url: str | None) -> None:
    """List the contexts: code, name, a feature's action type, and how long a bounded context's partitions are kept."""
    with connect(database_url) as connection:
        listed = rows(
            connection,
            "select kind, code, name, action_type, retain::text from esdb.contexts"
            " where %(kind)s::text is null or kind = %(kind)s order by kind, code",
            {"kind": kind},
        )
    if as_json:
        print_json(listed)
    else:
        print_table(listed, ["kind", "code", "name", "action_type", "retain"])


@contexts.command("add", short_help="Add a context; a bounded one gets its partitions.")
@click.argument("code")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="bounded", show_default=True, help="What to add.")
@click.option("--action", help="With --kind feature: its events' action_type  [default: NAME].")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to try for locks.")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def add_command(
    *, code: str, name: str, kind: str, action: str | None, wait: float, dry_run: bool, database_url: str | None
) -> None:
    """Add a context; a bounded one gets its partitions.

    Its code can be used as soon as the command ends, by every session. Safe to run again, while appends go on, and from
    two places at once.
    """
    with connect_to_change(database_url) as connection:
        wanted = (kind, code, name, action)
        if dry_run:
            registration, made = _due(connection, *wanted)
            steps = [*registration, *made]
            click.echo(script(steps), nl=False)
        else:
            steps = add(connection, *wanted, wait=wait)
    told = f"the {kind} context {code} ({name})"
    if not steps:
        say(f"nothing to do: {told} is there already")
    elif not dry_run:
        is_new = any(step["action"] == _REGISTER for step in steps)
        say(f"added {told}" if is_new else f"made the partitions of {told}")


@contexts.command("retain", short_help="Say how long a bounded context's partitions are kept.")
@click.argument("context")
@click.argument("retain", metavar="INTERVAL|forever")
@wait_option
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
@database_option
def retain_command(*, context: str, retain: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Say how long the partitions of a bounded context (code or name) stay before they may be archived.

    An interval such as '7 years', counted from a partition's end, or forever. Nothing is archived by this.
    """
    statement = call("esdb.set_retention", {"bounded_context": context, "retain": retain}, "result::text")
    if dry_run:
        click.echo(f"{statement.as_string()};")
        return
    with connect(database_url) as connection, patient(connection, wait, "could not change the context"):
        row = connection.execute(statement).fetchone()
    kept = row[0] if row and row[0] else None
    say(
        f"partitions of {context} are kept for {kept} after their end"
        if kept
        else f"partitions of {context} are kept for ever"
    )


def add(
    connection: Connection[Any], kind: str, code: str, name: str, action: str | None = None, *, wait: float = 60.0
) -> list[Row]:
    """Add a context and return the steps taken; none if all is there.

    One transaction registers the code and makes its partitions, so a run that is killed leaves nothing. Appends never
    wait for it: it locks no table that they write to.
    """

    def next_phase() -> list[Row]:
        registration, steps = _due(connection, kind, code, name, action)
        due = [*registration, *first_phase(steps)]
        for sql in render_steps(due):
            connection.execute(sql)  # rendered from our own templates
        return due

    return carry_out(connection, next_phase, wait=wait, failure=f"could not add the context {code}")


def _due(
    connection: Connection[Any], kind: str, code: str, name: str, action: str | None
) -> tuple[list[Row], list[Row]]:
    """Return the step that registers a context, unless it is registered, and those that make its partitions."""
    planned = rows(connection, "select * from esdb._context_plan(%s, %s, %s, %s)", (kind, code, name, action))
    # in one transaction with the first of the partitions
    place = {"action": _REGISTER, "context_name": name, "phase": 1}
    registration = [{**row, **place} for row in planned if not row["is_registered"]]
    return registration, plan(connection, context=(code, name)) if kind == "bounded" else []
