"""`esdb subscriptions`: what there is, how far each is behind, and what to do with events that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from esdb_cli.arguments import BIGINT, wait_option
from esdb_cli.calls import call
from esdb_cli.db import connect, database_option, rows
from esdb_cli.ddl import patient
from esdb_cli.errors import CliError
from esdb_cli.output import print_json, print_table, printable, say

if TYPE_CHECKING:
    from psycopg.sql import Composed

_LISTED = ("name", "partitions", "filters", "max_attempts", "on_failure", "created_at", "created_by")
_LAG = (
    "subscription", "partition", "position", "events_behind", "seconds_behind", "worker", "lease_until", "last_error",
)  # fmt: skip
_PARKED = (
    "subscription", "position", "aggregate_id", "version", "event_type", "state", "attempts", "reason", "parked_at",
)  # fmt: skip
_FILTERS = ("bounded_contexts", "group_contexts", "feature_contexts", "event_types", "aggregate_types")

_dry_run = click.option("--dry-run", is_flag=True, help="Print the exact SQL and change nothing.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_position = click.option("--position", type=BIGINT, help="Only the event at this position  [default: all that failed].")


@click.group()
def subscriptions() -> None:
    """Make, watch, reset and drop subscriptions."""


@subscriptions.command("list")
@_as_json
@database_option
def list_command(*, as_json: bool, database_url: str | None) -> None:
    """List the subscriptions with their filters."""
    with connect(database_url) as connection:
        listed = rows(connection, "select * from esdb.subscriptions order by name")
    if as_json:
        print_json(listed)
        return
    for row in listed:
        row["filters"] = "; ".join(f"{name}: {', '.join(row[name])}" for name in _FILTERS if row[name] is not None)
    print_table(listed, _LISTED)


@subscriptions.command("create", short_help="Make a subscription.")
@click.argument("name")
@click.option("--from", "from_position", type=BIGINT, help="Begin behind this position; -1: from now on  [default: 0].")
@click.option("--partitions", type=click.IntRange(1, 1024), help="Workers that can be at it at once  [default: 1].")
@click.option("--context", "bounded_contexts", multiple=True, help="Bounded context; can be repeated.")
@click.option("--group", "group_contexts", multiple=True, help="Group context; can be repeated.")
@click.option("--feature", "feature_contexts", multiple=True, help="Feature context; can be repeated.")
@click.option("--type", "event_types", multiple=True, help="Event type; can be repeated.")
@click.option("--aggregate-type", "aggregate_types", multiple=True, help="Aggregate type; can be repeated.")
@click.option("--max-attempts", type=click.IntRange(1, 1_000_000), help="Deliveries of an event before it is parked.")
@click.option("--on-failure", type=click.Choice(["park", "stop"]), help="Does the rest of its aggregate go on or wait?")
@wait_option
@_dry_run
@database_option
def create_command(*, name: str, wait: float, dry_run: bool, database_url: str | None, **definition: object) -> None:
    """Make a subscription: the store keeps its place and shares its events out to workers.

    The same again changes nothing.
    """
    statement = call("esdb.create_subscription", {"name": name, **definition})
    _change(statement, f"the subscription {name} is there", wait=wait, dry_run=dry_run, database_url=database_url)


@subscriptions.command("lag")
@click.argument("name", required=False)
@_as_json
@database_option
def lag_command(*, name: str | None, as_json: bool, database_url: str | None) -> None:
    """Show how far each partition of each subscription, or of one, is behind, and who is at it."""
    _show("select * from esdb.subscription_lag", _LAG, name, as_json=as_json, database_url=database_url)


@subscriptions.command("parked")
@click.argument("name", required=False)
@_as_json
@database_option
def parked_command(*, name: str | None, as_json: bool, database_url: str | None) -> None:
    """List the events that were set aside because no worker could handle them, or wait behind such a one."""
    _show("select * from esdb.parked_events", _PARKED, name, as_json=as_json, database_url=database_url)


@subscriptions.command("replay", short_help="Deliver parked events again.")
@click.argument("name")
@_position
@wait_option
@_dry_run
@database_option
def replay_command(*, name: str, position: int | None, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Deliver parked events again: all that failed, or one; one that fails again is parked at once."""
    statement = call("esdb.replay_parked", {"subscription": name, '"position"': position})
    _change(statement, f"workers of {name} get them again", wait=wait, dry_run=dry_run, database_url=database_url)


@subscriptions.command("discard", short_help="Give parked events up.")
@click.argument("name")
@_position
@wait_option
@_dry_run
@database_option
def discard_command(*, name: str, position: int | None, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Give parked events up: all that failed, or one. They stay in the store."""
    statement = call("esdb.discard_parked", {"subscription": name, '"position"': position})
    _change(statement, f"{name} does without them", wait=wait, dry_run=dry_run, database_url=database_url)


@subscriptions.command("reset", short_help="Begin again behind a position.")
@click.argument("name")
@click.option("--to", "to_position", type=BIGINT, required=True, help="0: from the first event; -1: from now on.")
@wait_option
@_dry_run
@database_option
def reset_command(*, name: str, to_position: int, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Begin again behind a position; leases end, and what was parked behind it is forgotten."""
    statement = call("esdb.reset_subscription", {"subscription": name, "to_position": to_position})
    _change(statement, f"{name} begins again", wait=wait, dry_run=dry_run, database_url=database_url)


@subscriptions.command("drop", short_help="Remove a subscription.")
@click.argument("name")
@wait_option
@_dry_run
@database_option
def drop_command(*, name: str, wait: float, dry_run: bool, database_url: str | None) -> None:
    """Remove a subscription with its place and its parked events; the events stay in the store."""
    statement = call("esdb.drop_subscription", {"subscription": name})
    _change(statement, f"{name} is gone", wait=wait, dry_run=dry_run, database_url=database_url)


def _change(statement: Composed, done: str, *, wait: float, dry_run: bool, database_url: str | None) -> None:
    if dry_run:
        click.echo(f"{statement.as_string()};")
        return
    with connect(database_url) as connection, patient(connection, wait, "could not change the subscription"):
        connection.execute(statement)
    say(printable(done))


def _show(query: str, columns: tuple[str, ...], name: str | None, *, as_json: bool, database_url: str | None) -> None:
    condition = " where %(name)s::text is null or subscription = %(name)s order by subscription, position"
    with connect(database_url) as connection:
        if name is not None and not rows(connection, "select from esdb.subscriptions where name = %s", (name,)):
            raise CliError(f"there is no subscription {name!r}", hint="`esdb subscriptions list` lists them")
        listed = rows(connection, query + condition, {"name": name})
    if as_json:
        print_json(listed)
    else:
        print_table(listed, columns)
