"""Connections: from an option, the environment or libpq's own settings; passwords are never printed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import click
from click.core import ParameterSource

from esdb_cli.errors import EXIT_CANNOT_CONNECT, EXIT_USAGE, CliError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg
    from psycopg.sql import Composed

Command = TypeVar("Command", bound=Callable[..., Any])
Row = dict[str, Any]
"""A row with its columns by name, as psycopg's dict_row makes it."""

_LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")
_CREDENTIALS = ("PGPASS", "PGSSL", "PGSERVICEFILE", "PGSYSCONFDIR")
_CONNECT_TIMEOUT_SECONDS = 10

WITHOUT_TIME_LIMITS: LiteralString = (
    "select set_config(s.name, '0', true) from pg_settings as s where s.name in"
    " ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)
"""Sets aside, in a transaction that may take long, limits that suit short ones; the last came with PostgreSQL 17."""


def database_option(command: Command) -> Command:
    """Add `--database-url` to a command; it arrives as the parameter `database_url` (None: libpq's settings)."""
    return click.option(
        "--database-url",
        metavar="URL",
        envvar=["ESDB_DATABASE_URL", "DATABASE_URL"],
        callback=_or_local,
        help="postgresql:// URL or libpq's key=value text  "
        "[env: ESDB_DATABASE_URL, DATABASE_URL; else libpq's PGHOST, PGSERVICE, …]",
    )(command)


class LocalUrl(str):
    """Stands, where a URL does, for that of the server in `./.esdb`, which starts when a command first connects."""

    __slots__ = ()


def _or_local(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Let `esdb --local` go before the environment, and beside no other choice."""
    if not ctx.find_root().params.get("local"):
        return value
    if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
        raise click.UsageError("Give either --local or --database-url.")
    return LocalUrl("./.esdb")


def forget_libpq_settings() -> None:
    """Let no PGOPTIONS or PGSERVICE of the caller's lead a connection to a server of ours astray.

    What another connection of the same command may need to prove who it is stays: the one to the source of an import.
    """
    for name in [name for name in os.environ if name.startswith("PG") and not name.startswith(_CREDENTIALS)]:
        del os.environ[name]


def connect(url: str | None) -> psycopg.Connection[Any]:
    """Connect to the database of a URL, or of libpq's own variables, in autocommit mode.

    Its transactions are READ COMMITTED, whatever the role's or the database's default: what waits for a lock, or reads
    the feed, has to see what was committed meanwhile. Nothing is prepared and no session state is set, so a
    transaction-mode pooler may stand in between.
    Raises CliError: exit 2 when nothing says where the database is or the URL cannot be read, 5 when it cannot
    be reached.
    """
    import logging

    import psycopg

    from esdb_cli import exceptions  # noqa: F401  (its classes register themselves with psycopg)

    # it warns, on stderr, that a transaction on a lost connection cannot be rolled back; the error itself says enough
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    if isinstance(url, LocalUrl):
        from esdb_cli.local import ensured_url

        forget_libpq_settings()
        url = ensured_url()
    parameters = _parameters(url)
    # libpq knows it by this variable alone: psycopg reads times in ISO style only, whatever the role's default is
    os.environ["PGDATESTYLE"] = "ISO"
    try:
        connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise CliError(
            "cannot connect to the database",
            detail=" ".join(str(error).split()),
            exit_code=EXIT_CANNOT_CONNECT,
        ) from None
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def rows(
    connection: psycopg.Connection[Any],
    query: LiteralString | bytes | Composed,
    arguments: Sequence[object] | Mapping[str, object] | None = None,
) -> list[Row]:
    """Run a query and return its rows."""
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, arguments).fetchall()


def _parameters(url: str | None) -> dict[str, Any]:
    if not url and not any(os.environ.get(name) for name in _LIBPQ_VARIABLES):
        raise CliError(
            "no database given",
            hint="use --database-url postgresql://user@host/database, set ESDB_DATABASE_URL or DATABASE_URL, "
            "or libpq's own PGHOST, PGDATABASE, PGSERVICE …; "
            "to try things out, `esdb --local …` uses a server kept in ./.esdb",
            exit_code=EXIT_USAGE,
        )
    parameters = parse(url) if url else {}
    if "connect_timeout" not in parameters and "PGCONNECT_TIMEOUT" not in os.environ:
        parameters["connect_timeout"] = _CONNECT_TIMEOUT_SECONDS
    parameters.setdefault("fallback_application_name", "esdb")
    parameters["client_encoding"] = "utf8"
    return parameters


def parse(url: str) -> dict[str, Any]:
    """Split a URL into libpq's parameters; what libpq says of a bad one may quote the password, so it is not shown."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    # other tools' URLs name a driver: postgresql+psycopg://
    url = re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", url)
    unreadable = CliError(
        "the database URL cannot be read",
        hint="user name and password must be percent-encoded: @ is %40, : %3A, / %2F, % %25, # %23, space %20",
        exit_code=EXIT_USAGE,
    )
    if _has_bare_at_sign(url):
        raise unreadable
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise unreadable from None


def _has_bare_at_sign(url: str) -> bool:
    """Tell whether an @ stands where only a password that was not encoded puts it.

    libpq would take a part of the password for a host, and say so in its message.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql"}:
        return False
    authority, _, path = rest.partition("/")
    return authority.count("@") > 1 or "@" in path
