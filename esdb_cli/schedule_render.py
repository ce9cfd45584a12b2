"""The regular jobs as lines of a crontab and as units of systemd, each with its own rules for what means itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from esdb_cli.errors import EXIT_LOCK_TIMEOUT, EXIT_USAGE, CliError
from esdb_cli.render import environment

_LONGEST_CRON_LINE: Final = 998
_MINUTES_OF_A_DAY: Final = 24 * 60
_VERIFY_LATER: Final = 30


@dataclass(frozen=True)
class Job:
    """A job: what it runs, and when.

    tolerated: an exit code that is no failure, because the job comes again soon, and the nightly one tolerates none.
    """

    name: str
    description: str
    arguments: tuple[str, ...]
    fields: str
    calendar: str
    delay: str
    tolerated: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be installed.

    program: the command's path. variables: of its environment. environment_file: a file of further ones. user: who runs
    it, None: the crontab's owner, or a user that systemd makes for the run.
    """

    program: str
    jobs: tuple[Job, ...]
    variables: Mapping[str, str]
    environment_file: str | None = None
    user: str | None = None


def jobs(every: int, at: int) -> tuple[Job, ...]:
    """Give the jobs.

    every: minutes, a divisor of 60. at: the minute of the day of the nightly job; the weekly one comes half an hour
    later.
    """
    hour, minute = divmod(at, 60)
    # a verification late on Sunday evening begins on Monday
    later = at + _VERIFY_LATER
    day, (late_hour, late_minute) = later // _MINUTES_OF_A_DAY, divmod(later % _MINUTES_OF_A_DAY, 60)
    often = {1: "*", 60: "0"}.get(every, f"*/{every}")
    return (
        Job(
            "maintain", "make and seal partitions, remove what is past its time",
            ("maintain", "--skip", "refresh-stats"),
            f"{often} * * * *", "*:00" if every == 60 else f"*:0/{every}", f"{every * 6}s", EXIT_LOCK_TIMEOUT,
        ),
        Job(
            "nightly", "all of the maintenance, statistics too",
            ("maintain",),
            f"{minute} {hour} * * *", f"*-*-* {hour:02}:{minute:02}", "10min",
        ),
        Job(
            "verify", "prove that schema and data are as they should be",
            ("verify",),
            f"{late_minute} {late_hour} * * {day}",
            f"{('Sun', 'Mon')[day]} *-*-* {late_hour:02}:{late_minute:02}", "10min",
        ),
    )  # fmt: skip


def crontab(plan: Plan, mailto: str | None) -> str:
    """Render a crontab."""
    variables = {**({"MAILTO": mailto} if mailto else {}), **plan.variables}
    entries = [{"description": job.description, "line": _cron_line(plan, job)} for job in plan.jobs]
    values = {
        "user": plan.user,
        "variables": [_cron_variable(name, value) for name, value in variables.items()],
        "jobs": entries,
    }
    return _render("schedule_crontab", values)


def units(plan: Plan, name: str, on_failure: str | None) -> dict[str, str]:
    """Render a service and a timer for each job, by the names of their files."""
    lines = [f"Environment={_systemd_word(f'{key}={value}')}" for key, value in plan.variables.items()]
    if plan.environment_file:
        lines.append(f"EnvironmentFile={_systemd_file(plan.environment_file)}")
    found = {}
    for job in plan.jobs:
        # a dollar sign means a variable in the arguments, and itself in the program's path
        arguments = (_systemd_word(argument).replace("$", "$$") for argument in (*job.arguments, *_json(job)))
        values = {
            "job": job,
            "name": name,
            "user": plan.user,
            "on_failure": on_failure,
            "variables": lines,
            "command": " ".join([_systemd_program(plan.program), *arguments]),
        }
        found[f"{name}-{job.name}.service"] = _render("schedule_service", values)
        found[f"{name}-{job.name}.timer"] = _render("schedule_timer", values)
    return found


def _json(job: Job) -> tuple[str, ...]:
    """Say to tell the journal in a form that programs read."""
    return ("--json",) if job.arguments[0] in {"maintain", "verify"} else ()


def _render(template: str, values: Mapping[str, Any]) -> str:
    return environment().get_template(f"{template}.j2").render(values)


def _cron_line(plan: Plan, job: Job) -> str:
    command = shlex.join([plan.program, *job.arguments])
    settings = f"set -a; . {shlex.quote(plan.environment_file)}; " if plan.environment_file else ""
    # cron mails whatever a job prints, and does not look at its exit code
    tell = "printf '%s\\n' \"$said\""
    if job.tolerated:
        tell = f"[ $code -eq {job.tolerated} ] || {tell}"
    script = f"{settings}said=$({command} 2>&1) || {{ code=$?; {tell}; exit $code; }}"
    if "\\" in command + settings:
        raise CliError("a path has a backslash, which not every cron leaves alone", EXIT_USAGE)
    fields = job.fields if plan.user is None else f"{job.fields} {plan.user}"
    return _cron_fitting(f"{fields} {script.replace('%', chr(92) + '%')}")


def _cron_variable(name: str, value: str) -> str:
    """Write a line that sets a variable: cron knows quotes around a value, and nothing that escapes one inside."""
    if value == value.strip() and not value.startswith(("'", '"')):
        return _cron_fitting(f"{name}={value}")
    quote = next((mark for mark in ("'", '"') if mark not in value), None)
    if quote is None:
        raise CliError(f"the value of {name} cannot be written in a crontab: use --environment-file", EXIT_USAGE)
    return _cron_fitting(f"{name}={quote}{value}{quote}")


def _cron_fitting(line: str) -> str:
    if len(line.encode()) > _LONGEST_CRON_LINE:
        raise CliError("a line would be too long for cron: use --environment-file, or shorter paths", EXIT_USAGE)
    return line


def _systemd_program(path: str) -> str:
    if set(path) & set("'\"\\"):
        raise CliError("systemd takes no program whose path has a quote or a backslash", EXIT_USAGE)
    return _systemd_word(path)


def _systemd_word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _systemd_file(path: str) -> str:
    if path != path.strip() or set(path) & set("*?[\\"):
        raise CliError("--environment-file: systemd takes this path for a pattern", EXIT_USAGE)
    return path.replace("%", "%%")
