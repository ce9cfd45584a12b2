"""A package acts only on stores that it knows: what it renders must fit what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from esdb_cli.db import connect
from esdb_cli.errors import CliError
from esdb_cli.resources import sql_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

_APPLIED: Final = "select id from esdb_meta.checksums where kind = 'versioned' order by id"


class NewerStoreError(CliError):
    """A newer version of this package has migrated the database."""

    def __init__(self, unknown: Iterable[str]) -> None:
        """Name the migrations that this package does not know."""
        super().__init__(
            "the database is newer than this package",
            detail=f"it has migrations this package does not know: {', '.join(unknown)}",
            hint="install the version of esdb that migrated it",
        )


def connect_to_change(url: str | None) -> psycopg.Connection[Any]:
    """Connect for a command that makes or alters tables. Raises NewerStoreError, and what connect() does."""
    connection = connect(url)
    try:
        refuse_newer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_newer(connection: psycopg.Connection[Any]) -> None:
    """Refuse a store with migrations that this package has not; one that this role cannot ask will say so itself."""
    from psycopg import errors

    try:
        applied = [id_ for (id_,) in connection.execute(_APPLIED)]
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege):
        return
    known = {path.stem for path in (sql_dir() / "schema").glob("*.sql")}
    if unknown := [id_ for id_ in applied if id_ not in known]:
        raise NewerStoreError(unknown)
