"""Parse every SQL file and every rendered template with PostgreSQL's own grammar, and the bodies of functions too.

Needs no server. Prints each error as file:line: message; exit 1 when there is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError

from esdb_cli.render import render

ROOT = Path(__file__).resolve().parent.parent

SAMPLE = {
    "bounded_context": "b",
    "context_name": "bookmark",
    "partition": "events_bookmark_y2026m11",
    "lower_bound": datetime(2026, 11, 1, tzinfo=UTC),
    "upper_bound": datetime(2026, 12, 1, tzinfo=UTC),
    "overflow": "events_bookmark_overflow",
    "bound_constraint": "spans_until_2026_12",
    "bound_constraints": ["archived_bounds"],
    "domain_name": "bounded_context_code",
    "domain_constraint": "bounded_context_code_known",
    "admitted_codes": ["b", "n", "o"],
    "new_kind": "bounded",
    "new_code": "o",
    "new_name": "order",
    "new_action_type": None,
    "optional_indexes": [{"suffix": "tenant", "keys": "position", "predicate": None, "wanted": True}],
    "table_name": "events_bookmark_y2026m11",
    "index_name": "events_bookmark_y2026m11_tenant",
    "keys": "(metadata ->> 'tenant'), position",
    "predicate": "metadata is not null",
    "rows": "source_message_db.sql.j2",
    "server_version": 180000,
    "schema_name": "message_store",
    "expected": {"messages": {"data": "jsonb"}},
    "aggregate_id": "id",
    "tables": ["shop_events", "stock_events"],
    "encodings": "text",
    "archived": False,
    "partitions": ["emt:default"],
    "categories": [
        {"category": "order", "bounded_context": "b", "group_context": "m", "aggregate_type": "order"},
    ],
    "types": [
        {"type": "Placed", "event_type": None, "feature_context": "c", "action_type": "place", "leave_out": False},
    ],
    "default_time": datetime(2026, 11, 1, tzinfo=UTC),
    "metadata": {"source_service": "shop"},
    "metadata_names": {"correlationId": "correlation_id"},
    "recorded_by": "shop",
}
"""A value for each variable of the templates."""


def sources() -> Iterator[tuple[str, str]]:
    """Give the name and the text of each file and of each rendered template."""
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "templates").glob("[!_]*.sql.j2")):
        yield str(path.relative_to(ROOT)), render(path.name.removesuffix(".sql.j2"), SAMPLE)


def errors(name: str, text: str) -> Iterator[str]:
    """Give the errors of one text."""
    try:
        statements = parse_sql(text)
    except ParseError as error:
        yield f"{name}:{_line(text, error)}: {error.args[0]}"
        return
    for statement in statements:
        start = statement.stmt_location or 0
        end = start + statement.stmt_len if statement.stmt_len else len(text)
        source = text[start:end]
        line = text.count("\n", 0, start + len(source) - len(source.lstrip())) + 1
        yield from (f"{name}:{line}: {message}" for message in _body_errors(statement.stmt, source))


def _body_errors(statement: ast.Node | None, source: str) -> Iterator[str]:
    """Parse the body of a function or of a DO block, which to the SQL grammar is only a string."""
    if not isinstance(statement, ast.CreateFunctionStmt | ast.DoStmt):
        return
    options = (statement.options if isinstance(statement, ast.CreateFunctionStmt) else statement.args) or ()
    values = {option.defname: option.arg for option in options}
    language = values["language"].sval if "language" in values else "plpgsql"
    try:
        if language == "plpgsql":
            # This parser knows neither our schemas nor arrays of our types; to the grammar they are all one.
            known = re.sub(r"\besdb(_meta)?\.\w+\[\]", "text[]", source)
            parse_plpgsql(re.sub(r"\besdb(_meta)?\.", "public.", known))
        elif language == "sql" and "as" in values:
            parse_sql(values["as"][0].sval)
    except ParseError as error:
        yield f"in the body: {error.args[0]}"


def _line(text: str, error: ParseError) -> int:
    position = error.args[1] if len(error.args) > 1 else 0
    return text.count("\n", 0, position) + 1


def main() -> int:
    """Check everything; give the exit code."""
    checked = list(sources())
    found = [message for name, text in checked for message in errors(name, text)]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    print(f"{len(checked)} SQL texts parsed, {len(found)} errors")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
