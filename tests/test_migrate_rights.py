"""Who may migrate, and what else may be in the cluster or the database."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from esdb_cli.errors import CliError
from esdb_cli.migrations import Migrator
from esdb_cli.preflight import Facts, check
from esdb_cli.server import LocalServer
from tests.databases import run_esdb, start_esdb
from tests.fixtures import Connection, Esdb, NewServer

FACTS = Facts(
    role="app",
    database="shop",
    server_version_num=150004,
    in_recovery=False,
    read_only=False,
    can_create_schemas=True,
    can_create_roles=True,
    missing_roles=[],
    store_owner=None,
    ledger_owner=None,
    has_ledger=False,
)


@pytest.fixture
def fresh(new_server: NewServer) -> LocalServer:
    """A cluster in which nobody has migrated: our roles are not there."""
    return new_server(durable=False)


@pytest.fixture
def administrator(fresh: LocalServer) -> Iterator[Connection]:
    """A superuser's connection to the fresh cluster."""
    with psycopg.connect(fresh.url(), autocommit=True) as connection:
        yield connection


def test_a_role_without_rights_gets_the_sql_for_the_administrator(
    fresh: LocalServer, administrator: Connection
) -> None:
    administrator.execute('create role "shop app" login')
    administrator.execute('create database "the shop"')
    url = fresh.url("the shop", user="shop app")

    refused = run_esdb("migrate", url=url)
    assert refused.returncode == 1
    lines = refused.stderr.splitlines()
    assert lines[0] == "esdb: the role shop app lacks rights that `esdb migrate` needs; nothing was changed"
    statements = [line for line in lines if line.endswith(";")]
    assert statements == [
        "create role esdb_reader nologin;",
        "create role esdb_writer nologin;",
        "create role esdb_consumer nologin;",
        "create role esdb_maintainer nologin;",
        'grant create on database "the shop" to "shop app";',
    ]

    for statement in statements:
        administrator.execute(statement)
    migrated = run_esdb("migrate", url=url)
    assert migrated.returncode == 0, migrated.stderr
    assert run_esdb("verify", url=url).stdout == "ok\n"
    # what was granted for the beginning is not needed again
    administrator.execute('revoke create on database "the shop" from "shop app"')
    assert run_esdb("migrate", url=url).stderr == "up to date\n"


def test_another_role_than_the_owner_is_refused(fresh: LocalServer, administrator: Connection) -> None:
    administrator.execute("create role owner login createrole")
    administrator.execute("create database shop owner owner")
    assert run_esdb("migrate", url=fresh.url("shop", user="owner")).returncode == 0
    refused = run_esdb("migrate", url=fresh.url("shop"))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[0] == "esdb: the schema esdb_meta belongs to owner, not to postgres"


def test_two_databases_of_one_cluster_at_the_same_time(fresh: LocalServer, administrator: Connection) -> None:
    urls = []
    for name in ("one", "two"):
        administrator.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        urls.append(fresh.url(name))
    processes = [start_esdb("migrate", url=url) for url in urls]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    for url in urls:
        assert run_esdb("verify", url=url).stdout == "ok\n"


def test_other_schemas_and_a_hostile_search_path(empty_db: Connection, empty_db_url: str, esdb: Esdb) -> None:
    empty_db.execute("""
        create schema other;
        create table other.events (position text);
        create table other.streams (aggregate_id integer);
        create type other.append_result as (nothing integer);
        create function other.trap() returns boolean language plpgsql as $$ begin raise 'trapped'; end $$;
        create function other.trap(text, text) returns boolean language plpgsql as $$ begin raise 'trapped'; end $$;
        create function other.trap(bigint, bigint) returns boolean language plpgsql as $$ begin raise 'trapped'; end $$;
        create function other.now() returns timestamptz language plpgsql as $$ begin raise 'trapped'; end $$;
        create function other.clock_timestamp() returns timestamptz language plpgsql
            as $$ begin raise 'trapped'; end $$;
        create function other.format(text, text) returns text language plpgsql as $$ begin raise 'trapped'; end $$;
        create operator other.= (leftarg = text, rightarg = text, function = other.trap);
        create operator other.= (leftarg = bigint, rightarg = bigint, function = other.trap);
        create operator other.> (leftarg = bigint, rightarg = bigint, function = other.trap);
    """)
    name = empty_db.info.dbname
    empty_db.execute(f'alter database "{name}" set search_path = other, public, pg_catalog')
    migrated = esdb("migrate", url=empty_db_url)
    assert migrated.returncode == 0, migrated.stderr
    appended = esdb(
        "append", "a-1", "Made", "{}", "--context", "b", "--group", "m", "--expected-version", "0", url=empty_db_url
    )
    assert appended.returncode == 0, appended.stderr
    assert esdb("read", "a-1", "--json", url=empty_db_url).stdout.count("\n") == 1
    assert esdb("read", "--all", "--json", url=empty_db_url).stdout.count("\n") == 1
    assert esdb("verify", url=empty_db_url).stdout == "ok\n"
    assert esdb("status", "--check", url=empty_db_url).returncode == 0


def test_a_schema_of_our_name_that_somebody_else_made_is_refused(
    empty_db: Connection, empty_db_url: str, esdb: Esdb
) -> None:
    empty_db.execute("create schema esdb authorization pg_database_owner")
    refused = esdb("migrate", url=empty_db_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("esdb: there is a schema esdb that `esdb migrate` did not make\n")
    assert empty_db.execute("select to_regnamespace('esdb_meta')").fetchone() == (None,)


def test_a_ledger_schema_that_somebody_else_owns_is_refused(empty_db: Connection) -> None:
    empty_db.execute("create schema esdb_meta authorization pg_database_owner")
    with pytest.raises(CliError, match="esdb_meta belongs to pg_database_owner"):
        Migrator(empty_db).migrate()


def test_a_read_only_database_is_refused(empty_db: Connection, empty_db_url: str, esdb: Esdb) -> None:
    empty_db.execute(f'alter database "{empty_db.info.dbname}" set default_transaction_read_only = on')
    refused = esdb("migrate", url=empty_db_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("esdb: the database is read-only for this role\n")


def test_a_standby_is_refused_and_is_read(fresh: LocalServer) -> None:
    assert run_esdb("migrate", url=fresh.url()).returncode == 0
    append = ("append", "a-1", "Made", "{}", "--context", "b", "--group", "m")
    assert run_esdb(*append, url=fresh.url()).returncode == 0
    fresh.stop()
    (fresh.data / "standby.signal").touch(mode=0o666)
    fresh.start()
    refused = run_esdb("migrate", url=fresh.url())
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (1, "esdb: the server is a standby")
    assert run_esdb("status", "--check", url=fresh.url()).returncode == 0
    assert run_esdb("verify", url=fresh.url()).stdout == "ok\n"
    assert run_esdb("read", "a-1", "--json", url=fresh.url()).stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"server_version_num": 140011}, "PostgreSQL 14 is too old"),
        ({"in_recovery": True}, "the server is a standby"),
        ({"read_only": True}, "read-only"),
        ({"store_owner": "app"}, "did not make"),
        ({"ledger_owner": "other"}, "belongs to other"),
        ({"can_create_schemas": False}, "lacks rights"),
        ({"can_create_roles": False, "missing_roles": ["esdb_reader"]}, "lacks rights"),
    ],
)
def test_preflight_refuses(change: dict[str, object], message: str) -> None:
    check(FACTS)
    with pytest.raises(CliError, match=message) as refused:
        check(Facts(**{**FACTS.__dict__, **change}))
    assert refused.value.exit_code == 1


def test_preflight_asks_for_no_right_that_is_not_needed() -> None:
    check(Facts(**{**FACTS.__dict__, "can_create_roles": False}))
    migrated = {"store_owner": "app", "ledger_owner": "app", "has_ledger": True}
    check(Facts(**{**FACTS.__dict__, **migrated, "can_create_schemas": False}))


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_the_default_isolation_level_does_not_matter(empty_db: Connection, empty_db_url: str, isolation: str) -> None:
    empty_db.execute(f"alter database \"{empty_db.info.dbname}\" set default_transaction_isolation = '{isolation}'")
    commands = [
        ["migrate"],
        ["partitions", "create-next", "--months", "12"],
        ["append", "a-1", "Made", "{}", "--context", "b", "--group", "m"],
        ["read", "--all"],
    ]
    for command in commands:
        processes = [start_esdb(*command, url=empty_db_url) for _ in range(3)]
        errors = [process.communicate(timeout=60)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], errors
