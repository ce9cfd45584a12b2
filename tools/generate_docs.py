"""Write the pages of docs/reference which are made from the store itself.

sql.md from a migrated database's comments, errors.md from esdb.error_codes(), cli.md from the commands' help.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg

from esdb_cli.main import cli
from esdb_cli.server import LocalServer
from tests.databases import Databases

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTICE = "<!-- Made by `make docs`: do not edit. -->"
INTRODUCTION = "Everything is in schema `esdb`. Pass parameters by name: `aggregate_id => 'order-1'`."
ROLES = ["esdb_reader", "esdb_writer", "esdb_maintainer"]
HELP_WIDTH = 100

FUNCTIONS = """
select
    f.proname,
    pg_catalog.pg_get_function_result(f.oid),
    coalesce(pg_catalog.obj_description(f.oid, 'pg_proc'), ''),
    array(
        select r.role
        from unnest(%s::text[]) with ordinality as r(role, place)
        where pg_catalog.has_function_privilege(r.role, f.oid, 'execute')
        order by r.place
    ),
    coalesce(a.parameters, '{}'),
    coalesce(a.columns, '{}')
from pg_catalog.pg_proc as f
cross join lateral (
    select
        array_agg(
            concat_ws(
                ' ',
                a.name,
                pg_catalog.format_type(a.type, null),
                'default ' || pg_catalog.pg_get_function_arg_default(f.oid, a.place::integer)
            )
            order by a.place
        ) filter (where coalesce(a.mode, 'i') in ('i', 'v', 'b')) as parameters,
        array_agg(a.name || ' ' || pg_catalog.format_type(a.type, null) order by a.place)
            filter (where a.mode in ('o', 'b')) as columns
    from unnest(f.proargnames, coalesce(f.proallargtypes, f.proargtypes::oid[]), f.proargmodes)
        with ordinality as a(name, type, mode, place)
) as a
where f.pronamespace = 'esdb'::regnamespace and f.proname !~ '^_' and f.prokind = 'f'
order by f.proname, f.oid
"""

RELATIONS = """
select
    c.relname,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), pg_catalog.obj_description(t.oid, 'pg_type'), ''),
    array(
        select array[
            a.attname::text,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            coalesce(pg_catalog.col_description(c.oid, a.attnum), '')
        ]
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_type as t on t.oid = c.reltype
where c.relnamespace = 'esdb'::regnamespace
    and c.relname !~ '^_'
    and c.relkind = any (%s::text[]::"char"[])
    and not c.relispartition
order by c.relname
"""


def pages(url: str) -> dict[str, str]:
    """Give the text of each generated page by its file's name, from a migrated database."""
    with psycopg.connect(url, autocommit=True) as connection:
        return {"sql.md": sql_page(connection), "errors.md": errors_page(connection), "cli.md": cli_page()}


def sql_page(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """Describe the public functions, views, types and tables."""
    lines = ["# SQL reference", "", NOTICE, "", INTRODUCTION, "", "## Functions"]
    for row in connection.execute(FUNCTIONS, (ROLES,)):
        lines += _function(*row)
    for title, kinds in (("Views", ["v", "m"]), ("Types", ["c"]), ("Tables", ["r", "p"])):
        lines += ["", f"## {title}"]
        for name, comment, columns in connection.execute(RELATIONS, (kinds,)):
            cells = [[column, _short(kind), meaning] for column, kind, meaning in columns]
            lines += ["", f"### {name}", "", comment, "", *_table(["column", "type", "meaning"], cells)]
    return "\n".join(lines) + "\n"


def _function(
    name: str, result: str, comment: str, roles: list[str], parameters: list[str], columns: list[str]
) -> list[str]:
    outcome = f"{result} ({', '.join(columns)})" if columns else result
    listed = ",".join(f"\n    {parameter}" for parameter in parameters)
    call = f"{name}({listed}\n)" if parameters else f"{name}()"
    callers = ", ".join(f"`{role}`" for role in roles) or "the owner alone"
    signature = _short(f"{call} returns {outcome}")
    return ["", f"### {name}", "", "```sql", signature, "```", "", comment, "", f"May be called by {callers}."]


def _short(text: str) -> str:
    """Write types and defaults as people do."""
    text = text.replace("timestamp with time zone", "timestamptz").replace("character varying", "varchar")
    return re.sub(r"NULL::[\w.]+(\[\])?", "null", text).replace("SETOF", "setof").replace("TABLE(", "table (")


def errors_page(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """List the store's own error codes."""
    rows = connection.execute("select code, name, meaning from esdb.error_codes() order by code").fetchall()
    lines = ["# Error codes", "", NOTICE, "", "What the store's functions raise: the code is the error's SQLSTATE.", ""]
    cells = [[f"`{code}`", name, meaning] for code, name, meaning in rows]
    return "\n".join([*lines, *_table(["code", "name", "when"], cells)]) + "\n"


def cli_page() -> str:
    """Give the help of every command."""
    lines = ["# Command line reference", "", NOTICE]
    context = click.Context(cli, info_name="esdb", terminal_width=HELP_WIDTH, **cli.context_settings)
    for path, text in _helps(cli, context):
        lines += ["", f"## {path}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                own = click.Context(child, info_name=name, parent=context, terminal_width=HELP_WIDTH)
                yield from _helps(child, own)


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    cells = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return ["| " + " | ".join(row) + " |" for row in cells]


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    with LocalServer() as server:
        for name, text in pages(Databases(server).migrated()).items():
            (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
