"""Renders the templates: DDL, what reads another store's tables, and schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from esdb_cli.resources import templates_dir

if TYPE_CHECKING:
    from jinja2 import Environment


def literal(value: str | datetime) -> str:
    """Return a value as an SQL literal; a time in UTC, so that no session's time zone can move a bound."""
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00") if isinstance(value, datetime) else value
    quoted = text.replace("'", "''")
    if "\\" not in text:
        return f"'{quoted}'"
    # what a backslash means in a plain literal is a setting of the session's
    return "E'{}'".format(quoted.replace("\\", "\\\\"))


def identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


def as_json(value: object) -> str:
    """Return a value as JSON text; Jinja2's own filter writes it for HTML."""
    return json.dumps(value, ensure_ascii=False)


@cache
def environment() -> Environment:
    """Return the Jinja2 environment; an undefined variable is an error, never an empty string."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(
        loader=FileSystemLoader(templates_dir()),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - SQL, not HTML; every value passes through `literal` or is our own identifier
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"literal": literal, "identifier": identifier, "json": as_json}
    return env


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Return the SQL of templates/<template>.sql.j2."""
    return environment().get_template(f"{template}.sql.j2").render(variables).strip() + "\n"
