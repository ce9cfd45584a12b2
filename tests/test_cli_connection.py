"""How the command finds its database and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from esdb_cli.server import LocalServer
from tests.databases import run_esdb, start_esdb
from tests.fixtures import Connection, Esdb, NewServer
from tests.pgbouncer import transaction_pooler

ODD_PASSWORD = "p@ss:w/ord %#'\"\\ "


@pytest.fixture
def tcp_server(new_server: NewServer) -> LocalServer:
    """A server on ::1 that asks for a password, with a role that has an odd one."""
    server = new_server(durable=False, host="::1", host_auth="scram-sha-256")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL('create role "odd user" superuser login password {}').format(sql.Literal(ODD_PASSWORD))
        )
    return server


def test_ipv6_and_odd_passwords(tcp_server: LocalServer) -> None:
    url = tcp_server.url(user="odd user", password=ODD_PASSWORD, tcp=True)
    assert run_esdb("migrate", url=url).returncode == 0
    assert run_esdb("status", "--check", url=url).returncode == 0
    sqlalchemy = url.replace("postgresql://", "postgresql+psycopg://")
    assert run_esdb("status", "--check", "--database-url", sqlalchemy, url=None).returncode == 0
    variables = {
        "PGHOST": "::1", "PGPORT": str(tcp_server.port), "PGUSER": "odd user", "PGDATABASE": "postgres",
        "PGPASSWORD": ODD_PASSWORD,
    }  # fmt: skip
    assert run_esdb("status", "--check", url=None, env=variables).returncode == 0

    refused = run_esdb("status", url=tcp_server.url(user="odd user", password="s3cret-word", tcp=True))
    assert refused.returncode == 5
    assert refused.stderr.startswith("esdb: cannot connect to the database\ndetail: ")
    assert "password authentication failed" in refused.stderr
    assert "s3cret-word" not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:p@ssw0rd@localhost/shop",
        "postgresql://app:p/ssw0rd@localhost/shop",
        "postgresql://app:p%ssw0rd@localhost/shop",
        "postgresql://app:p#ssw0rd:x@[localhost/shop",
        "host=localhost password=p ssw0rd",
    ],
)
def test_a_url_that_cannot_be_read_is_not_quoted(url: str) -> None:
    result = run_esdb("status", url=url)
    assert result.returncode == 2
    assert result.stderr.startswith("esdb: the database URL cannot be read\nhint: ")
    assert "ssw0rd" not in result.stdout + result.stderr


def test_a_missing_setting_is_a_usage_error() -> None:
    result = run_esdb("status", url=None)
    assert result.returncode == 2
    assert "--database-url" in result.stderr
    assert "ESDB_DATABASE_URL" in result.stderr


def test_the_option_goes_before_the_environment(db_url: str) -> None:
    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    assert run_esdb("status", "--database-url", db_url, url=nowhere).returncode == 0
    assert run_esdb("status", url=db_url, env={"DATABASE_URL": nowhere}).returncode == 0
    assert run_esdb("status", url=None, env={"DATABASE_URL": db_url}).returncode == 0


def test_a_server_that_is_down_is_exit_5(new_server: NewServer) -> None:
    server = new_server(durable=False)
    url = server.url()
    server.stop()
    for command in (["migrate"], ["status"], ["verify"], ["read", "--all"], ["info", "a"], ["refresh-stats"]):
        result = run_esdb(*command, url=url)
        assert result.returncode == 5, result.stderr
        assert result.stderr.startswith("esdb: cannot connect to the database\ndetail: ")


def test_a_database_that_is_not_there_is_exit_5(server: LocalServer) -> None:
    result = run_esdb("status", url=server.url("not there"))
    assert result.returncode == 5
    assert 'database "not there" does not exist' in result.stderr


def test_a_read_only_database_reads_and_refuses_to_append(db: Connection, esdb: Esdb) -> None:
    assert esdb("append", "a", "Made", "{}", "--context", "b", "--group", "m").returncode == 0
    db.execute(f'alter database "{db.info.dbname}" set default_transaction_read_only = on')
    refused = esdb("append", "a", "Made", "{}")
    assert refused.returncode == 1
    assert refused.stderr.startswith("esdb: cannot execute ")
    assert esdb("read", "a", "--json").stdout.count("\n") == 1
    assert esdb("read", "--all", "--json").stdout.count("\n") == 1
    assert esdb("info", "a").returncode == 0
    assert esdb("status", "--check").returncode == 0


@pytest.fixture
def pooled_url(empty_db_url: str, server: LocalServer) -> Iterator[str]:
    """An empty database behind PgBouncer in transaction mode, with two server connections for all clients."""
    with transaction_pooler(server, pool_size=2) as pooled:
        yield pooled(empty_db_url)


def test_everything_works_through_a_transaction_pooler(pooled_url: str, empty_db_url: str) -> None:
    processes = [start_esdb("migrate", url=pooled_url) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    assert run_esdb("migrate", url=pooled_url).stderr == "up to date\n"
    append = ["append", "a", "Made", "{}", "--context", "b", "--group", "m"]
    for command in (
        ["status", "--check"], ["verify"], append, append, ["read", "a"], ["read", "--all"], ["info", "a"],
        ["refresh-stats"], ["partitions", "create-next"],
    ):  # fmt: skip
        result = run_esdb(*command, url=pooled_url)
        assert result.returncode == 0, (command, result.stderr)
    # nothing of a session is left on the pool's connections
    with psycopg.connect(empty_db_url) as connection:
        held = connection.execute(
            "select count(*) from pg_locks l join pg_stat_activity a using (pid)"
            " where a.datname = current_database() and l.locktype = 'advisory'"
        ).fetchone()
        assert held == (0,)
    with psycopg.connect(pooled_url, prepare_threshold=None) as connection:
        assert connection.execute("show search_path").fetchone() == ('"$user", public',)
        assert connection.execute("show lock_timeout").fetchone() == ("0",)
