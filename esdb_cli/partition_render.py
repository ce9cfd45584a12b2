"""`esdb partitions render`: the DDL of one template for one month, and nothing done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import click

from esdb_cli.db import connect, database_option, rows

_TEMPLATES: Final = (
    "create_month",
    "create_overflow",
    "attach_overflow",
    "detach_overflow",
    "close_partition",
    "index_partition",
    "open_partition",
)


class _Month(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """A month such as 2026-11, which begins at midnight UTC."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the start of the month."""
        try:
            return datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not a month such as 2026-11.", param, ctx)


@click.command("render", short_help="Print the DDL of a month and change nothing.")
@click.argument("context")
@click.argument("month", type=_Month())
@click.option(
    "--template", type=click.Choice(_TEMPLATES), default="create_month", show_default=True, help="What to print."
)
@database_option
def render_command(*, context: str, month: datetime, template: str, database_url: str | None) -> None:
    """Print the DDL that makes the partition of a month, such as 2026-11, exactly as it would be run.

    CONTEXT is a bounded context's code or name. Other templates print other steps: an overflow that begins with the
    month, the overflow stepping aside, the partition of the month closed against events, given the indexes of a month
    that is over, or opened. Nothing is changed.
    """
    from esdb_cli.partitions import render_steps

    with connect(database_url) as connection:
        steps = rows(connection, "select * from esdb._partition_step(%s, %s, %s)", (context, month, template))
    click.echo("".join(render_steps(steps)), nl=False)
