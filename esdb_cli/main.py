"""The command line's entry: a group that imports a command's module only when the command is called."""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

import click

from esdb_cli.errors import reported


class _Entry(NamedTuple):
    target: str
    help: str


# The help stands here too, so that `esdb --help` imports none of the modules; a test compares.
COMMANDS = {
    "aggregate-types": _Entry(
        "esdb_cli.aggregate_types:aggregate_types", "Say where new streams of an aggregate type belong."
    ),
    "append": _Entry("esdb_cli.append:append", "Append one event, or a batch, to a stream."),
    "contexts": _Entry("esdb_cli.contexts:contexts", "List and add bounded, group and feature contexts."),
    "demo": _Entry("esdb_cli.demo:demo", "Start a temporary server and show the store at work."),
    "doctor": _Entry("esdb_cli.doctor:doctor", "Find what is wrong with the store and its server, or will be."),
    "export": _Entry("esdb_cli.export_events:export", "Write events as lines of JSON, in order."),
    "health": _Entry("esdb_cli.health:health", "Tell whether the store is there and well, for probes."),
    "import": _Entry("esdb_cli.import_events:import_command", "Import events, as `esdb export` writes them."),
    "indexes": _Entry("esdb_cli.indexes:indexes", "Add and drop the indexes that not every store needs."),
    "info": _Entry("esdb_cli.events:info", "Show what the store knows of a stream."),
    "local": _Entry("esdb_cli.local:local", "Start, stop and remove the server that `esdb --local` uses."),
    "maintain": _Entry("esdb_cli.maintain:maintain", "Do the store's regular maintenance, step by step."),
    "metrics": _Entry("esdb_cli.metrics:metrics", "Print the store's metrics, in the format of OpenMetrics."),
    "migrate": _Entry("esdb_cli.migrate:migrate", "Bring the database's schema to this version."),
    "partitions": _Entry("esdb_cli.partitions:partitions", "Make, check and list the partitions of the events."),
    "read": _Entry("esdb_cli.events:read", "Read a stream, or every event in order."),
    "recover": _Entry("esdb_cli.recover:recover", "Begin a new epoch after a failover or a restore."),
    "refresh-stats": _Entry("esdb_cli.statistics:refresh_stats", "Bring the view event_statistics up to date."),
    "schedule": _Entry("esdb_cli.schedule:schedule", "Render the regular jobs for cron and for systemd."),
    "settings": _Entry("esdb_cli.settings:settings", "List and change the store's settings."),
    "snapshots": _Entry("esdb_cli.snapshots:snapshots", "List the snapshots that are due, and remove old ones."),
    "status": _Entry("esdb_cli.migrate:status", "Show which migrations are applied, pending or changed."),
    "subscriptions": _Entry("esdb_cli.subscriptions:subscriptions", "Make, watch, reset and drop subscriptions."),
    "tail": _Entry("esdb_cli.tail:tail", "Show the newest events, and those that come."),
    "verify": _Entry("esdb_cli.verify:verify", "Prove that schema and data are as they should be."),
}


_WITHOUT_DATABASE = {"demo", "local", "schedule"}


class LazyGroup(click.Group):
    """A group whose commands are named by COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, None for an unknown name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in sorted(COMMANDS)])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; its errors become lines and exit codes."""
        with reported():
            return super().invoke(ctx)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from esdb_cli.resources import package_version

    click.echo(f"esdb {package_version()}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.option(
    "--local",
    is_flag=True,
    help="Use a server kept in ./.esdb, made and started when needed, whatever the environment says.",
)
@click.pass_context
def cli(ctx: click.Context, *, local: bool) -> None:
    """esdb: an event store that lives in PostgreSQL.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 pending or drift, 4 lock timeout, 5 cannot connect.
    """
    if local and ctx.invoked_subcommand in _WITHOUT_DATABASE:
        raise click.UsageError(f"--local is for commands that use a database, not for `{ctx.invoked_subcommand}`.")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # a name that the terminal's encoding lacks is shown escaped
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli(prog_name="esdb")
