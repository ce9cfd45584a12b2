"""What must be true before `esdb migrate` creates anything; each refusal is one message that says what to do."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import Identifier

from esdb_cli.errors import CliError

OLDEST_SERVER = 15


@dataclass(frozen=True)
class Facts:
    """The row of sql/ledger/preflight.sql."""

    role: str
    database: str
    server_version_num: int
    in_recovery: bool
    read_only: bool
    can_create_schemas: bool
    can_create_roles: bool
    missing_roles: list[str]
    store_owner: str | None
    ledger_owner: str | None
    has_ledger: bool


def check(facts: Facts) -> None:
    """Raise CliError (exit 1) for a database that this role cannot migrate."""
    _check_server(facts)
    _check_owner(facts)
    _check_rights(facts)


def _check_server(facts: Facts) -> None:
    major = facts.server_version_num // 10000
    if major < OLDEST_SERVER:
        raise CliError(f"PostgreSQL {major} is too old", hint=f"esdb needs PostgreSQL {OLDEST_SERVER} or newer")
    if facts.in_recovery:
        raise CliError("the server is a standby", hint="migrate the primary: a standby follows it")
    if facts.read_only:
        raise CliError(
            "the database is read-only for this role",
            detail="default_transaction_read_only is on",
            hint="connect to the primary with a role that may write",
        )


def _check_owner(facts: Facts) -> None:
    if facts.store_owner and not facts.has_ledger:
        raise CliError(
            "there is a schema esdb that `esdb migrate` did not make",
            detail=f"it belongs to {facts.store_owner}; there is no ledger in esdb_meta",
            hint="rename or drop it: the store's functions must own their schema",
        )
    if facts.ledger_owner and facts.ledger_owner != facts.role:
        raise CliError(
            f"the schema esdb_meta belongs to {facts.ledger_owner}, not to {facts.role}",
            hint=f"run `esdb migrate` as {facts.ledger_owner}: all objects of a store have one owner",
        )


def _check_rights(facts: Facts) -> None:
    statements = []
    if not facts.can_create_roles:
        statements += [f"create role {role} nologin;" for role in facts.missing_roles]
    if not facts.has_ledger and not facts.can_create_schemas:
        database, role = Identifier(facts.database).as_string(), Identifier(facts.role).as_string()
        statements.append(f"grant create on database {database} to {role};")
    if statements:
        raise CliError(
            f"the role {facts.role} lacks rights that `esdb migrate` needs; nothing was changed",
            hint="\n".join(["let an administrator run this, then migrate again:", *statements]),
        )
