"""Other stores that an import reads: their tables in one snapshot, as the lines that `esdb export` would write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.rows import dict_row

from esdb_cli.db import WITHOUT_TIME_LIMITS, connect
from esdb_cli.errors import EXIT_USAGE, CliError
from esdb_cli.import_mapping import Category, listed
from esdb_cli.render import environment, render

if TYPE_CHECKING:
    from esdb_cli.db import Row
    from esdb_cli.import_mapping import ImportMapping

_BLOCK: Final = 1 << 20
# JSON is made of every row, and compiling that takes longer.
_SETTINGS: Final = (
    "select set_config('work_mem', '64MB', true), set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true)"
)


@dataclass(frozen=True)
class Store:
    """A kind of store that can be read: where its tables are by default, and their columns with the types read."""

    name: str
    schema: str
    tables: Mapping[str, Mapping[str, str]]
    versions: str


_APPLICATION: Final = {
    "originator_id": "", "originator_version": "", "topic": "text", "state": "bytea", "notification_id": "bigint",
}  # fmt: skip
STORES: Final = {
    store.name: store
    for store in (
        Store(
            "message-db", "message_store",
            {"messages": {
                "global_position": "bigint", "position": "bigint", "time": "timestamp without time zone",
                "stream_name": "", "type": "", "data": "jsonb", "metadata": "jsonb", "id": "uuid",
            }},
            "message-db 1",
        ),
        Store("eventsourcing", "public", {}, "eventsourcing 9"),
        Store(
            "emmett", "public",
            {
                "emt_messages": {
                    "stream_id": "text", "stream_position": "bigint", "partition": "text", "is_archived": "boolean",
                    "message_kind": "", "message_data": "jsonb", "message_metadata": "jsonb", "message_type": "text",
                    "message_schema_version": "text", "message_id": "text", "global_position": "bigint",
                    "created": "timestamp with time zone",
                },
                "emt_streams": {
                    "stream_id": "text", "partition": "text", "is_archived": "boolean", "stream_type": "text",
                },
            },
            "emmett-postgresql 0.42",
        ),
    )
}  # fmt: skip

_FAULTS: Final = {
    "gaps": "have gaps in their versions",
    "shared": "would be streams of the same aggregate_id",
    "unreadable": "have events whose state is no JSON object",
    "timeless": "begin with events that have no time",
    "unordered": "have events without a global_position",
}
"""What can be wrong with streams of a source."""
_CURES: Final = {
    "gaps": 'events were deleted, or the mapping leaves them out: gaps = "renumber" closes the gaps, and an event keeps'
    " the number that it had as source_version in its metadata",
    "shared": "leave one of them out; say in the mapping which aggregate_id, tables, partitions or archived to read",
    "unreadable": "what is compressed, encrypted or of another transcoder cannot be read: leave it out, or write it as"
    " lines with the application itself and import those",
    "timeless": "say in the mapping which default_time they get, or leave them out",
    "unordered": "give them one in the source",
}


class Lines:
    """The lines that a COPY in binary sends, to read as a file."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._rows = copy.rows()

    def read(self, size: int = _BLOCK) -> bytes:
        """Return whole lines, about so many bytes; nothing at the end."""
        lines, length = [], 0
        with _failures():
            for (line,) in self._rows:
                lines.append(line)
                length += len(line) + 1
                if length >= size:
                    break
        return b"\n".join([*lines, b""]) if lines else b""


@dataclass
class Source:
    """A store that is open for reading, in one snapshot; `survey` is what it holds, by category and type."""

    connection: psycopg.Connection[Any]
    store: Store
    mapping: ImportMapping
    variables: dict[str, Any]
    survey: list[Row]

    @property
    def name(self) -> str:
        """What messages and the audit log call it."""
        return f"{self.store.name} {self.connection.info.dbname}"

    @property
    def categories(self) -> list[Category]:
        """The categories that it has, in the order of their first events."""
        return list({row["category"]: Category(row["category"], row["category_name"]) for row in self.survey}.values())

    def prepare(self, contexts: list[Row]) -> int:
        """Fit the mapping to what is there; return how many events it keeps.

        Raises CliError for what the mapping leaves open, for contexts that the store lacks, and for what no mapping
        as this one can import.
        """
        categories = self.mapping.placed(self.categories)
        left_out = self.mapping.types_left_out()
        self._check_contexts(contexts)
        actions = {row["code"]: row["action_type"] for row in contexts if row["kind"] == "feature"}
        options = self.mapping.options
        self.variables |= {
            "categories": categories,
            "types": [_type_row(name, entry, actions) for name, entry in self.mapping.types.items()],
            "default_time": options.get("default_time"),
            "metadata": options.get("metadata", {}),
            "metadata_names": options.get("metadata_names", {}),
            "recorded_by": options.get("recorded_by", self.store.name),
        }
        kept = {row["category"] for row in categories}
        return sum(row["events"] for row in self.survey if row["category"] in kept and row["type"] not in left_out)

    def _check_contexts(self, contexts: list[Row]) -> None:
        known = {(row["kind"], row["code"]) for row in contexts}
        unknown = sorted(self.mapping.codes() - known)
        if unknown:
            kind, code = unknown[0]
            option = "" if kind == "bounded" else f" --kind {kind}"
            raise CliError(
                "the store lacks contexts that the mapping names",
                EXIT_USAGE,
                detail=listed(f"{kind} {code}" for kind, code in unknown),
                hint=f"esdb contexts add {code} NAME{option}",
            )

    def check(self, *, goes_on: bool) -> None:
        """Refuse streams that cannot be imported; goes_on: what the import itself can leave out is left to it."""
        allowed = {"unreadable", "timeless"} if goes_on else set()
        if self.mapping.options.get("gaps") == "renumber":
            allowed.add("gaps")
        found = [row for row in self._query("source_faults") if row["fault"] not in allowed]
        for row in found:
            raise CliError(
                f"streams of the source {_FAULTS[row['fault']]}",
                detail=f"{row['streams']:,} of them; one is {row['example']}",
                hint=_CURES[row["fault"]],
            )

    def unused(self) -> list[str]:
        """Return the keys of the mapping that nothing in the source answers to."""
        return self.mapping.unused([row["category"] for row in self.survey], [row["type"] for row in self.survey])

    def starting_mapping(self) -> str:
        """Return what the mapping does not say yet of the categories that are there, as TOML to fill in."""
        types = {
            category: [row for row in self.survey if row["category"] == category.category]
            for category in self.categories
            if self.mapping.entry(category.category) is None
        }
        return environment().get_template("source_mapping.toml.j2").render(source=self, categories=types)

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """Read the events that the mapping keeps, in the source's order."""
        with self.connection.cursor() as cursor, cursor.copy(render("source_lines", self.variables).encode()) as copy:
            yield Lines(copy)

    def _query(self, template: str) -> list[Row]:
        return _query(self.connection, template, self.variables)


def _type_row(name: str, entry: Mapping[str, Any], actions: Mapping[str, str]) -> dict[str, Any]:
    feature = entry.get("feature_context")
    return {
        "type": name,
        "event_type": entry.get("event_type"),
        "feature_context": feature,
        "action_type": entry.get("action_type", actions.get(feature) if feature else None),
        "leave_out": entry.get("leave_out", False),
    }


@contextmanager
def open_source(name: str, url: str, mapping: ImportMapping) -> Iterator[Source]:
    """Open the tables of a store for reading, in a transaction that changes nothing and sees one state.

    Raises CliError: exit 5 where it cannot be reached; where the tables are not there, are others or may not be read.
    """
    store = STORES[name]
    try:
        connection = connect(url)
    except CliError as error:
        message = error.message.replace("the database", "the source")
        raise CliError(message, error.exit_code, detail=error.detail, hint=error.hint) from None
    with connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.autocommit = False
        connection.execute(WITHOUT_TIME_LIMITS)  # a snapshot is read for as long as the import takes
        connection.execute(_SETTINGS)
        options = mapping.options
        variables: dict[str, Any] = {
            "rows": f"source_{name.replace('-', '_')}.sql.j2",
            "server_version": connection.info.server_version,
            "schema_name": options.get("schema", store.schema),
            "aggregate_id": options.get("aggregate_id", "stream"),
            "encodings": options.get("encodings", "text"),
            "archived": options.get("archived", True),
            "partitions": options.get("partitions", []),
        }
        variables["expected"] = _tables(connection, store, mapping, variables)
        variables["tables"] = list(variables["expected"])
        _check_tables(_query(connection, "source_tables", variables), store, variables["schema_name"])
        yield Source(connection, store, mapping, variables, _query(connection, "source_survey", variables))


def _tables(
    connection: psycopg.Connection[Any], store: Store, mapping: ImportMapping, variables: dict[str, Any]
) -> dict[str, Mapping[str, str]]:
    """Return the tables to read with their columns; those of eventsourcing are named by their applications."""
    if store.tables:
        return dict(store.tables)
    names = mapping.options.get("tables") or [
        row["table_name"] for row in _query(connection, "source_applications", variables)
    ]
    if not names:
        raise CliError(
            f"there is no table of {store.name}'s events in the schema {variables['schema_name']}",
            hint="the mapping's schema says where they are",
        )
    if len(names) > 1 and "tables" not in mapping.options:
        raise CliError(
            "there are the events of several applications",
            EXIT_USAGE,
            detail=listed(names),
            hint='the mapping says which to read, and in which order: tables = ["…"]',
        )
    return dict.fromkeys(names, _APPLICATION)


def _check_tables(tables: list[Row], store: Store, schema: str) -> None:
    for row in tables:
        name = f"{schema}.{row['table_name']}"
        if not row["is_there"]:
            raise CliError(
                f"there is no table {name} in the source", hint="the mapping's schema says where the tables are"
            )
        if row["missing"]:
            raise CliError(
                f"the table {name} is not one of {store.versions}",
                detail=f"it lacks {', '.join(row['missing'])}",
                hint="bring the source to that version first, or import with FILE",
            )
        if not row["is_readable"]:
            raise CliError(
                f"the table {name} may not be read", hint=f"grant select on {name} to the role of the source"
            )


def _query(connection: psycopg.Connection[Any], template: str, variables: Mapping[str, Any]) -> list[Row]:
    with _failures(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(render(template, variables).encode()).fetchall()


@contextmanager
def _failures() -> Iterator[None]:
    """Say that it was the source that failed."""
    try:
        yield
    except psycopg.Error as error:
        message = " ".join((error.diag.message_primary or str(error)).split())
        raise CliError("reading the source failed", detail=message) from None
