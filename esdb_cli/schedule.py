"""`esdb schedule`: renders the regular jobs for cron and for systemd."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from esdb_cli.errors import EXIT_USAGE, CliError
from esdb_cli.output import printable, say

if TYPE_CHECKING:
    from esdb_cli.schedule_render import Plan

Command = TypeVar("Command", bound=Callable[..., Any])

_DIVISORS: Final = [str(n) for n in range(1, 61) if 60 % n == 0]
_HOMES: Final = ("/home/", "/root/", "/run/user/")
_WHERE: Final = (
    "use --database-url without a password, --service for an entry of libpq's service file, or --environment-file for a"
    " file of yours that sets ESDB_DATABASE_URL"
)


class _Word(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """A text of certain characters: whatever else stands in a line of cron or systemd may mean something."""

    def __init__(self, name: str, pattern: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        if not self._pattern.fullmatch(value):
            self.fail(f"{value!r} is no {self.name}.", param, ctx)
        return str(value)


_TEXT = _Word("text of one line", r"[^\x00-\x1f\x7f\x85\u2028\u2029]+")
_USER = _Word("user", r"[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?")
_NAME = _Word("name", r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNIT = _Word("unit", r"[A-Za-z0-9:_.@%-]+\.(service|target)")
_TIME = _Word("time", r"([01]\d|2[0-3]):[0-5]\d")


_FILE = _Word("absolute path", r"/[^\x00-\x1f\x7f\x85\u2028\u2029]+")


def _plan_options(command: Command) -> Command:
    for option in reversed((
        click.option("--database-url", type=_TEXT, metavar="URL", help="Where the store is; without a password."),
        click.option("--service", type=_TEXT, metavar="NAME", help="An entry of libpq's service file."),
        click.option("--service-file", type=_FILE, metavar="FILE", help="That file, if not the user's own."),
        click.option(
            "--environment-file", type=_FILE, metavar="FILE",
            help="A file of lines NAME='value', among them ESDB_DATABASE_URL; it alone may hold a password.",
        ),
        click.option("--passfile", type=_FILE, metavar="FILE", help="libpq's password file, if not the user's own."),
        click.option("--user", type=_USER, metavar="NAME", help="The system's user who runs the jobs."),
        click.option("--esdb", "program", type=_FILE, metavar="PATH", help="The command's path, if not this one's."),
        click.option(
            "--every", type=click.Choice(_DIVISORS), default="5", show_default=True, metavar="MINUTES",
            help="Minutes between two runs of the maintenance, a divisor of 60.",
        ),
        click.option(
            "--at", type=_TIME, default="03:07", show_default=True, metavar="HH:MM",
            help="When the nightly job runs; on Sundays a verification follows half an hour later.",
        ),
    )):  # fmt: skip
        command = option(command)
    return command


@click.group()
def schedule() -> None:
    """Render the regular jobs for cron and for systemd.

    Nothing is installed. A password is never written: libpq finds it in the password file of the user who runs the
    jobs, or in the environment file.
    """


@schedule.command()
@_plan_options
@click.option(
    "--mailto", type=_TEXT, metavar="ADDRESS", help="Who gets what cron mails; by default the crontab's owner."
)
def cron(*, mailto: str | None, **options: Any) -> None:
    """Print lines of a crontab; with --user, a file for /etc/cron.d."""
    from esdb_cli.schedule_render import crontab

    click.echo(crontab(_plan(**options), mailto), nl=False)


@schedule.command()
@_plan_options
@click.option("--name", type=_NAME, default="esdb", show_default=True, help="What the units' names begin with.")
@click.option("--on-failure", type=_UNIT, metavar="UNIT", help="A unit to start when a run fails: notify@%n.service.")
@click.option(
    "--output", type=click.Path(file_okay=False, exists=True, path_type=Path), metavar="DIR",
    help="Write the units into this folder instead of printing them.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite units that differ.")
@click.option("--dry-run", is_flag=True, help="Print the units that --output would write or overwrite, and stop.")
def systemd(
    *, name: str, on_failure: str | None, output: Path | None, force: bool, dry_run: bool, **options: Any
) -> None:
    """Print services and timers, or write them to files.

    They belong into /etc/systemd/system. Without --user systemd makes a user for each run, which can read no home and
    sees no socket in /tmp.
    """
    from esdb_cli.schedule_render import units

    plan = _plan(**options)
    _refuse_homes(plan)
    rendered = units(plan, name, on_failure)
    if output is None:
        _print(rendered, Path("/etc/systemd/system"))
        return
    changed = _changed(rendered, output, force=force)
    if dry_run:
        _print(changed, output)
        return
    _write(changed, output)
    for file in rendered:
        click.echo(output / file)
    timers = " ".join(file for file in rendered if file.endswith(".timer"))
    say(f"then: systemctl daemon-reload && systemctl enable --now {timers}")


def _plan(*, program: str | None, every: str, at: str, user: str | None, **where: str | None) -> Plan:
    from esdb_cli.schedule_render import Plan, jobs

    hour, _, minute = at.partition(":")
    return Plan(
        program=program or _own_path(),
        jobs=jobs(int(every), int(hour) * 60 + int(minute)),
        variables=_variables(**where),
        environment_file=where["environment_file"],
        user=user,
    )


def _variables(
    *,
    database_url: str | None,
    service: str | None,
    service_file: str | None,
    environment_file: str | None,
    passfile: str | None,
) -> dict[str, str]:
    given = [value for value in (database_url, service, environment_file) if value]
    if len(given) != 1:
        message = "Give one of --database-url, --service, --environment-file." if given else "no database given"
        raise CliError(message, EXIT_USAGE, hint=_WHERE)
    if service_file and not service:
        raise click.UsageError("--service-file: only with --service.")
    if database_url:
        _refuse_password(database_url)
    variables = {
        "ESDB_DATABASE_URL": database_url, "PGSERVICE": service, "PGSERVICEFILE": service_file, "PGPASSFILE": passfile,
    }  # fmt: skip
    return {name: value for name, value in variables.items() if value}


def _refuse_password(url: str) -> None:
    from esdb_cli.db import parse

    if secrets := sorted({"password", "sslpassword"} & parse(url).keys()):
        raise CliError(
            f"the database URL holds a {secrets[0]}, which whoever reads the crontab or the unit could see",
            EXIT_USAGE,
            hint="leave it out and put it into the password file of the user who runs the jobs (--passfile), or put the"
            " URL into a file that nobody else may read (--environment-file)",
        )


def _own_path() -> str:
    """Give this command's own path; a link to it stays one, because it outlives an upgrade."""
    called = Path(sys.argv[0]).absolute()
    if called.name == "esdb" and os.access(called, os.X_OK):
        return _FILE.convert(str(called), None, None)
    # as `python -m esdb_cli`: the command that was installed with this package
    found = shutil.which("esdb", path=sysconfig.get_path("scripts")) or shutil.which("esdb")
    if found is None:
        raise CliError("the path of the command esdb is not known", EXIT_USAGE, hint="give it by --esdb")
    return _FILE.convert(str(Path(found).absolute()), None, None)


def _refuse_homes(plan: Plan) -> None:
    """Refuse what a user that systemd makes could not read."""
    files = [plan.program, plan.variables.get("PGPASSFILE", ""), plan.variables.get("PGSERVICEFILE", "")]
    if plan.user is None and (hidden := next((file for file in files if file.startswith(_HOMES)), None)):
        raise CliError(
            f"{hidden} lies in a home, which only its user can read",
            EXIT_USAGE,
            hint="give that user by --user, or install it elsewhere",
        )


def _print(units: dict[str, str], folder: Path) -> None:
    for name, text in units.items():
        click.echo(f"# {printable(folder / name)}\n{text}")


def _changed(units: dict[str, str], folder: Path, *, force: bool) -> dict[str, str]:
    """Give the units that are not in the folder yet; what is there and differs is kept unless force."""
    found = {name: _read(folder / name) for name in units if (folder / name).exists()}
    different = [name for name, text in found.items() if text != units[name]]
    if different and not force:
        raise CliError(
            f"{folder} holds other units of these names: {', '.join(different)}", hint="--force overwrites them"
        )
    return {name: text for name, text in units.items() if found.get(name) != text}


def _write(units: dict[str, str], folder: Path) -> None:
    """Write all units or none: only what is there as a whole takes its name."""
    news = {folder / name: folder / f".{name}.new" for name in units}
    try:
        for new, text in zip(news.values(), units.values(), strict=True):
            new.write_text(text, encoding="utf-8")
            new.chmod(0o644)
        for path, new in news.items():
            new.replace(path)
    finally:
        for new in news.values():
            with suppress(OSError):
                new.unlink(missing_ok=True)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
