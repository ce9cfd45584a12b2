"""Write the pages of docs/reference which are made from the store itself.

sql.md from a migrated database's comments and the folders of sql/functions, errors.md from esdb.error_codes(),
settings.md from esdb.list_settings(), cli.md from the commands' help.
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

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTICE = "<!-- Made by `make docs`: do not edit. -->"
INTRODUCTION = "Everything is in schema `esdb`. Pass parameters by name: `aggregate_id => 'order-1'`."
FIRST_AREAS = ["append", "read", "feed", "subscribe", "streams", "snapshots"]
"""What applications call stands first; the other folders of sql/functions follow by their names."""
ROLES = ["esdb_reader", "esdb_writer", "esdb_consumer", "esdb_maintainer"]
HELP_WIDTH = 100
SETTINGS_INTRODUCTION = """What an installation can choose. `esdb settings list` shows the values in force and
`esdb settings set NAME VALUE` changes one, as `esdb.list_settings()` and `esdb.set_setting()` do. A change holds from
its commit on. `esdb maintain` reads what the commands read that it runs."""

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


# Who reads a setting, directly or through others. What stands in comments or, as hints do, in quotes calls nothing.
READERS = """
with recursive sources as (
    select
        f.proname::text as name,
        regexp_replace(coalesce(pg_catalog.pg_get_function_sqlbody(f.oid), f.prosrc), '--[^\\n]*', '', 'g') as body
    from pg_catalog.pg_proc as f
    where f.pronamespace = 'esdb'::regnamespace
    union all
    select c.relname::text, pg_catalog.pg_get_viewdef(c.oid)
    from pg_catalog.pg_class as c
    where c.relnamespace = 'esdb'::regnamespace and c.relkind in ('v', 'm')
),
callers as (
    select s.name, regexp_replace(s.body, '''[^'']*''', '', 'g') as body from sources as s
),
readers as (
    select s.name as setting, c.name
    from esdb.list_settings() as s
    join sources as c on c.body ~ ('esdb[.]_setting[(]' || quote_literal(s.name))
    union
    select r.setting, c.name
    from readers as r
    join callers as c on c.name <> r.name and c.body ~ ('esdb[.]' || r.name || '[^a-z_]')
)
select r.setting, array_agg(r.name order by r.name)
from readers as r
group by r.setting
"""


def pages(url: str) -> dict[str, str]:
    """Give the text of each generated page by its file's name, from a migrated database."""
    with psycopg.connect(url, autocommit=True) as connection:
        return {
            "sql.md": sql_page(connection),
            "errors.md": errors_page(connection),
            "settings.md": settings_page(connection),
            "cli.md": cli_page(),
        }


def sql_page(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """Describe the public functions by the area they belong to, and views, types and tables."""
    contents: list[list[str]] = []
    lines: list[str] = []
    functions = connection.execute(FUNCTIONS, (ROLES,)).fetchall()
    for area, names in areas().items():
        own = [row for row in functions if row[0] in names]
        if own:
            lines += _section(f"Functions: {area}", [row[0] for row in own], contents)
            for row in own:
                lines += _function(*row)
    for title, kinds in (("Views", ["v", "m"]), ("Types", ["c"]), ("Tables", ["r", "p"])):
        relations = connection.execute(RELATIONS, (kinds,)).fetchall()
        lines += _section(title, [row[0] for row in relations], contents)
        for name, comment, columns in relations:
            cells = [[column, _short(kind), meaning] for column, kind, meaning in columns]
            lines += ["", f"### {name}", "", comment, "", *_table(["column", "type", "meaning"], cells)]
    head = ["# SQL reference", "", NOTICE, "", INTRODUCTION, "", *_table(["section", "what is in it"], contents)]
    return "\n".join([*head, *lines]) + "\n"


def areas() -> dict[str, set[str]]:
    """Give the names of the functions of each area, which is their folder; the areas in the order of the page."""
    found: dict[str, set[str]] = {area: set() for area in FIRST_AREAS}
    for file in sorted((ROOT / "sql" / "functions").glob("*/*.sql")):
        found.setdefault(file.parent.name, set()).add(file.stem)
    return found


def _section(title: str, names: list[str], contents: list[list[str]]) -> list[str]:
    """Begin a section, and put it into the table of contents."""
    anchor = re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))
    contents.append([_link(title, f"#{anchor}"), ", ".join(_link(name, f"#{name}") for name in names)])
    return ["", f"## {title}"]


def _link(text: str, target: str) -> str:
    return f"[{text}]({target})"


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
    """List the store's own error codes, and the functions whose comments name them."""
    functions = [(row[0], _codes(row[2])) for row in connection.execute(FUNCTIONS, (ROLES,))]
    rows = connection.execute("select code, name, meaning from esdb.error_codes() order by code").fetchall()
    lines = ["# Error codes", "", NOTICE, "", "What the store's functions raise: the code is the error's SQLSTATE.", ""]
    cells = []
    for code, name, meaning in rows:
        raised_by = [_link(function, f"sql.md#{function}") for function, codes in functions if code in codes]
        cells.append([f"`{code}`", name, meaning, ", ".join(raised_by)])
    return "\n".join([*lines, *_table(["code", "name", "when", "raised by"], cells)]) + "\n"


def _codes(comment: str) -> set[str]:
    """Give the codes that a function's comment lists as its errors, ranges among them."""
    _, _, listed = comment.partition("rrors")
    codes: set[str] = set()
    for first, last in re.findall(r"SE(\d{3})(?: to SE(\d{3}))?", listed):
        codes |= {f"SE{number:03}" for number in range(int(first), int(last or first) + 1)}
    return codes


def settings_page(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """Describe each setting: what it means and allows, and who reads it."""
    readers = dict(connection.execute(READERS).fetchall())
    lines = ["# Settings", "", NOTICE, "", SETTINGS_INTRODUCTION]
    for row in connection.execute(
        "select name, meaning, value_type, default_value, minimum, maximum from esdb.list_settings()"
    ):
        name, meaning, *facts = row
        public = [reader for reader in readers[name] if not reader.startswith("_")]
        links = [_link(f"`esdb.{reader}`", f"sql.md#{reader}") for reader in public]
        commands = [f"`{command}`" for command in _commands(name, readers[name])]
        lines += ["", f"## {name}", "", f"{meaning[0].upper()}{meaning[1:]}."]
        lines += ["", *_table(["type", "default", "least", "most"], [facts])]
        lines += ["", f"Read by {', '.join(commands + links)}."]
    return "\n".join(lines) + "\n"


def _commands(setting: str, readers: list[str]) -> list[str]:
    """Give the commands that themselves call what reads a setting, by the first line of their modules."""
    called = re.compile(rf"esdb\.(?:_setting\('{setting}'|(?:{'|'.join(readers)})\b)")
    names = set()
    for module in (ROOT / "esdb_cli").glob("*.py"):
        text = module.read_text(encoding="utf-8")
        name = re.match(r'"""`(esdb [a-z -]+)`', text)
        if name and called.search(text):
            names.add(name[1])
    return sorted(names)


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
