"""Types of options: what the server could not take is a usage error that names the option."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from esdb_cli.calls import Time
from esdb_cli.errors import EXIT_USAGE, CliError

if TYPE_CHECKING:
    from typing import Any

Command = TypeVar("Command", bound=Callable[..., object])

_LARGEST_BIGINT = 2**63 - 1


class _Bigint(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """An integer of 64 bits; unlike click.IntRange it leaves its bounds, 19 digits each, out of the help."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; the smallest bigint is refused too, because SQL reads its digits as numeric."""
        number: int = click.INT.convert(value, param, ctx)
        if abs(number) > _LARGEST_BIGINT:
            self.fail(f"{number} is out of range: the largest is {_LARGEST_BIGINT}.", param, ctx)
        return number


class _Iso8601(click.ParamType):  # type: ignore[type-arg]
    """A time in ISO 8601; the server reads it as it was written."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Time:
        """Return the text as a Time."""
        try:
            datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-21T09:00:00Z.", param, ctx)
        return Time(value)


class EnvironmentOption(click.Option):
    """An option with an environment variable: a wrong value of that is one line that names the variable."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert a value; raises CliError for one that came from the environment."""
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            if ctx.get_parameter_source(self.name or "") is not ParameterSource.ENVIRONMENT:
                raise
            raise CliError(f"{self.envvar}: {error.message}", EXIT_USAGE) from None


def wait_option(command: Command) -> Command:
    """Add `--wait` to a command that waits for row locks; it arrives as the parameter `wait`, in seconds."""
    return click.option(
        "--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait for locks."
    )(command)


BIGINT = _Bigint()
ISO_8601 = _Iso8601()
SCHEMA_VERSION = click.IntRange(1, 2**15 - 1)
MAX_COUNT = click.IntRange(1, 2**31 - 1)
