"""What `esdb doctor` finds about roles and their rights: each finding is provoked, and what it says makes it go."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.databases import run_esdb
from tests.doctor_support import EXAMINER, Patient, new_role
from tests.fixtures import Connection, Esdb, NewServer

ROLE = "esdb_test_role"


@pytest.fixture
def patient(db_url: str) -> Patient:
    return Patient(db_url)


@pytest.fixture
def role(db: Connection) -> Iterator[str]:
    """The name for a role of the test's; it goes afterwards."""
    yield ROLE
    if db.execute("select from pg_roles where rolname = %s", (ROLE,)).fetchone() is not None:
        db.execute(f"drop owned by {ROLE}")
        db.execute(f"drop role {ROLE}")


def test_what_the_caller_may_not_see_is_told(db: Connection, db_url: str, role: str) -> None:
    new_role(db, role, "esdb_maintainer")
    patient = Patient(db_url, examiner=role)
    patient.mended("sight_limited", f"role {role}", "notice")


def test_a_store_of_an_owner_without_powers_is_examined(empty_db: Connection, empty_db_url: str) -> None:
    name = empty_db.info.dbname
    empty_db.execute("create role esdb_test_owner login createrole")
    try:
        for group in ("esdb_reader", "esdb_writer", "esdb_consumer", "esdb_maintainer"):
            if empty_db.execute("select from pg_roles where rolname = %s", (group,)).fetchone() is None:
                empty_db.execute(f"create role {group} nologin")
        empty_db.execute(sql.SQL("grant create on database {} to esdb_test_owner").format(sql.Identifier(name)))
        url = psycopg.conninfo.make_conninfo(empty_db_url, user="esdb_test_owner")
        for command in (["migrate"], ["partitions", "create-next"]):
            result = run_esdb(*command, url=url)
            assert result.returncode == 0, result.stderr
        for who in (url, empty_db_url):
            result = run_esdb("doctor", "--json", url=who)
            assert result.returncode == 3, result.stderr
            names = {finding["finding"] for finding in json.loads(result.stdout)["findings"]}
            assert "check_failed" not in names
            assert ("sight_limited" in names) == (who == url)
    finally:
        empty_db.execute("drop schema if exists esdb, esdb_meta cascade")
        empty_db.execute("drop owned by esdb_test_owner")
        empty_db.execute("drop role esdb_test_owner")


def test_only_maintainers_may_ask(db: Connection, esdb: Esdb, db_url: str, role: str) -> None:
    new_role(db, role, "esdb_reader")
    result = esdb("doctor", url=psycopg.conninfo.make_conninfo(db_url, user=role))
    assert result.returncode == 1
    assert "permission denied" in result.stderr


def test_a_writer_without_a_limit_on_idling(db: Connection, patient: Patient, role: str) -> None:
    new_role(db, role, "esdb_writer")
    patient.mended("no_idle_timeout", f"role {role}", "warning")


@pytest.mark.parametrize(
    ("limit", "is_well"),
    [
        ("alter role {role} set idle_in_transaction_session_timeout = '1min'", True),
        ("alter role {role} in database {database} set idle_in_transaction_session_timeout = '1min'", True),
        ("alter database {database} set idle_in_transaction_session_timeout = '1min'", True),
        ("alter role {role} set idle_in_transaction_session_timeout = 0", False),
        ("alter role {role} set lock_timeout = '1min'", False),
    ],
)
def test_where_the_limit_on_idling_may_be_set(
    db: Connection, patient: Patient, role: str, limit: str, is_well: bool
) -> None:
    new_role(db, role, "esdb_writer")
    db.execute(limit.format(role=role, database=db.info.dbname).encode())
    assert (patient.found("no_idle_timeout", f"role {role}") is None) == is_well


def test_a_reader_needs_no_limit(db: Connection, patient: Patient, role: str) -> None:
    new_role(db, role, "esdb_reader", "esdb_consumer")
    assert patient.found("no_idle_timeout", f"role {role}") is None


@pytest.mark.parametrize(
    ("grants", "fact"),
    [
        (["grant esdb_writer to {role}", "alter role {role} superuser"], "superuser"),
        (["grant esdb_writer, esdb_maintainer to {role}"], "maintain"),
        (["grant pg_write_all_data to {role}"], "past the store"),
        (["grant esdb_reader to {role} with admin option"], "anybody"),
        (["grant insert on esdb.events to {role}"], "insert on esdb.events"),
        (["grant create on schema esdb to {role}"], "schema esdb"),
    ],
)
def test_a_role_that_may_do_too_much(db: Connection, patient: Patient, role: str, grants: list[str], fact: str) -> None:
    new_role(db, role)
    assert patient.found("role_too_mighty", f"role {role}") is None
    for grant in grants:
        db.execute(grant.format(role=role).encode())
    finding = patient.mended("role_too_mighty", f"role {role}", "warning")
    assert fact in finding["fact"]


def test_a_group_that_may_log_in(db: Connection, patient: Patient) -> None:
    db.execute("alter role esdb_writer login")
    patient.mended("role_too_mighty", "role esdb_writer", "warning")


def test_an_application_that_may_become_the_owner(new_server: NewServer) -> None:
    with_owner = new_server(durable=False)
    with psycopg.connect(with_owner.url(), autocommit=True) as connection:
        connection.execute("create role shop_owner login createrole")
        connection.execute("create database shop owner shop_owner")
        assert run_esdb("migrate", url=with_owner.url("shop", "shop_owner")).returncode == 0
        new_role(connection, ROLE, "esdb_writer", "shop_owner")
        patient = Patient(with_owner.url("shop"))
        finding = patient.mended("role_too_mighty", f"role {ROLE}", "warning")
        assert "owns the store" in finding["fact"]
        assert patient.found("no_idle_timeout", "role shop_owner") is None


def test_everybody_may_connect(db: Connection, patient: Patient, role: str) -> None:
    new_role(db, role, "esdb_reader")
    patient.mended("public_connect", f"database {db.info.dbname}", "notice")
    for name in (role, EXAMINER):
        psycopg.connect(patient.url, user=name).close()
