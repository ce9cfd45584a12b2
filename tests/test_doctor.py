"""What `esdb doctor` finds in a store: each finding is provoked, and what it says makes it go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.archive_support import Shelf, age
from tests.databases import run_esdb
from tests.doctor_support import EXAMINER, Patient, new_role
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after
from tests.feed_support import ANNOUNCEMENT, Crew, append, append_many, until, value
from tests.fixtures import Connect, Connection, Esdb, NewServer
from tests.tools import ROOT

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


@contextmanager
def later(patient: Patient, connect: Connect, **delta: float) -> Iterator[Patient]:
    """Examine a store at a later time."""
    clock = Clock(connect)
    yield Patient(patient.url, env=clock.environment(datetime.now(UTC) + timedelta(**delta)))


def test_every_finding_is_provoked(db: Connection) -> None:
    known = {name for (name,) in db.execute("select finding from esdb_meta.doctor_checks()")}
    texts = [(ROOT / "tests" / name).read_text() for name in ("test_doctor.py", "test_doctor_server.py")]
    assert {name for name in known if not any(f'("{name}", ' in text for text in texts)} == set()


def test_a_check_that_cannot_run_is_a_finding_and_the_others_run(db: Connection, patient: Patient) -> None:
    db.execute("alter function esdb_meta.doctor_mark() rename to doctor_no_mark")
    finding = patient.has("check_failed", "check mark", "warning")
    assert "42883" in finding["fact"]
    with psycopg.connect(patient.url) as connection:
        names = {name for (name,) in connection.execute("select finding from esdb.findings")}
    assert "no_wal_archive" in names
    db.execute("alter function esdb_meta.doctor_no_mark() rename to doctor_mark")
    patient.is_well("check_failed", "check mark")


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


# --- partitions


def test_missing_months(db: Connection, patient: Patient) -> None:
    assert patient.findings("partitions_ahead") == []
    db.execute("select esdb.set_setting('partitions_ahead', '5')")
    patient.mended("partitions_ahead", "context bookmark", "warning")


def test_a_missing_overflow(db: Connection, patient: Patient) -> None:
    db.execute("drop table esdb.events_bookmark_overflow")
    patient.mended("partition_missing", "context bookmark", "critical")


def test_an_overflow_that_is_used(patient: Patient, connect: Connect) -> None:
    clock = Clock(connect)
    then = datetime.now(UTC) + timedelta(days=366)
    append(clock.connect(then), "s")
    Patient(patient.url, env=clock.environment(then)).mended("overflow_used", "context bookmark", "warning")


def test_sealing_that_is_overdue(db: Connection, patient: Patient) -> None:
    make_months(db, "bookmark", month_after(first_leaf_month(db), -3), 3)
    patient.mended("sealing_overdue", "context bookmark", "notice")


def test_partitions_past_their_time(db: Connection, connect: Connect, patient: Patient, tmp_path: Path) -> None:
    Shelf(db, connect)
    db.execute("select esdb.set_retention('bookmark', '1 day')")
    finding = patient.has("retention_overdue", "context bookmark", "notice")
    patient.mend(finding, DIRECTORY=str(tmp_path))
    patient.is_well("retention_overdue", "context bookmark")


def test_an_archive_that_is_unfinished(db: Connection, connect: Connect, patient: Patient, tmp_path: Path) -> None:
    shelf = Shelf(db, connect)
    db.execute(
        "insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, begun_at)"
        " values ('b', %s, %s, %s, 'archiving', false, now() - interval '2 days')",
        (shelf.months[0], shelf.leaves[0], str(tmp_path / shelf.leaves[0])),
    )
    finding = patient.has("archive_unfinished", "context bookmark", "warning")
    patient.mend(finding, DIRECTORY=f"{tmp_path} --older-than '{age()}'")
    patient.is_well("archive_unfinished", "context bookmark")


# --- tables and indexes


def test_autovacuum_is_off_for_a_table(db: Connection, patient: Patient) -> None:
    db.execute("alter table esdb.streams set (autovacuum_enabled = off)")
    patient.mended("autovacuum_off", "table esdb.streams", "warning")


def fill_streams(connection: Connection, count: int, padding: int = 0) -> None:
    """Write rows of streams without events, their ids with a prefix of so many characters."""
    connection.execute("alter table esdb.streams set (autovacuum_enabled = off)")
    connection.execute(
        "insert into esdb.streams"
        " (aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at, updated_at)"
        " select repeat('s', %s) || n, 'bookmark', 'b', 'm', n, 1, now(), now() from generate_series(1, %s) as n",
        (padding, count),
    )
    connection.execute("analyze esdb.streams")


def test_dead_rows_that_no_vacuum_removes(db: Connection, patient: Patient) -> None:
    fill_streams(db, 11_000)
    db.execute("update esdb.streams set version = 2")
    patient.mended("vacuum_overdue", "table esdb.streams", "warning")


def test_a_table_so_large_that_autovacuum_comes_rarely(db: Connection, patient: Patient) -> None:
    db.execute("update pg_class set reltuples = 5000000 where oid = 'esdb.streams'::regclass")
    patient.mended("vacuum_rare", "table esdb.streams", "notice")


def test_a_bloated_table_and_its_index(db: Connection, patient: Patient) -> None:
    fill_streams(db, 160_000, 230)
    assert patient.findings("bloat") == []
    db.execute("delete from esdb.streams where version % 50 <> 0")
    db.execute("vacuum (analyze, truncate off) esdb.streams")
    patient.mended("bloat", "index esdb.streams_pkey", "notice")
    patient.mended("bloat", "table esdb.streams", "notice")


def test_an_index_that_a_failed_statement_left(db: Connection, patient: Patient) -> None:
    append(db, "a")
    append(db, "b")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("create unique index concurrently mine on esdb.streams (aggregate_type)")
    patient.mended("index_invalid", "index esdb.mine", "warning")


@pytest.mark.parametrize("index", ["streams_pkey", "snapshots_timestamp"])
def test_an_invalid_index_of_ours_is_made_anew(db: Connection, patient: Patient, index: str) -> None:
    db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (f"esdb.{index}",))
    patient.mended("index_invalid", f"index esdb.{index}", "warning")
    assert db.execute("select from pg_class where oid = to_regclass(%s)", (f"esdb.{index}",)).fetchone() is not None


def test_an_invalid_index_of_a_partition(db: Connection, patient: Patient) -> None:
    leaf = value(db, "select min(partition) from esdb.partitions where kind = 'month' and bounded_context = 'b'")
    for suffix in ("pkey", "event_type", "timestamp"):
        db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (f"esdb.{leaf}_{suffix}",))
        finding = patient.mended("index_invalid", f"index esdb.{leaf}_{suffix}", "warning")
        assert finding["mend"].startswith("reindex ")


def test_an_invalid_optional_index(db: Connection, esdb: Esdb, patient: Patient) -> None:
    assert esdb("indexes", "enable", "correlation").returncode == 0
    index = value(db, "select min(index_name) from esdb._optional_index_parts() where name = 'correlation'")
    db.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", (f"esdb.{index}",))
    finding = patient.mended("index_invalid", f"index esdb.{index}", "warning")
    assert finding["mend_by"] == "shell"


def test_indexes_that_nobody_uses(db: Connection, esdb: Esdb, connect: Connect, patient: Patient) -> None:
    assert esdb("indexes", "enable", "correlation").returncode == 0
    db.execute("create index mine on esdb.streams (created_at)")
    assert patient.findings("index_unused") == []
    with later(patient, connect, days=31) as patient:
        patient.mended("index_unused", "optional index correlation", "notice")
        patient.mended("index_unused", "index esdb.mine", "notice")


# --- transactions and the feed


def test_a_transaction_that_idles(patient: Patient, connect: Connect) -> None:
    idle = connect(autocommit=False, application_name="checkout")
    idle.execute("select 1")
    assert patient.findings("idle_transaction") == []
    with later(patient, connect, minutes=2) as patient:
        finding = patient.mended("idle_transaction", f"pid {idle.info.backend_pid}", "warning")
    assert "checkout" in finding["fact"]


def test_a_transaction_that_is_open_for_long(patient: Patient, connect: Connect) -> None:
    busy = connect()
    crew = Crew()

    def work() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select pg_sleep(600)")

    crew.start(work)
    with later(patient, connect, minutes=61) as patient:
        patient.mended("long_transaction", f"pid {busy.info.backend_pid}", "warning")
    crew.join()


@pytest.mark.parametrize(("minutes", "severity"), [(2, "warning"), (61, "critical")])
def test_a_prepared_transaction(db: Connection, patient: Patient, connect: Connect, minutes: int, severity: str) -> None:
    gid = f"{db.info.dbname}: it's left over"
    db.execute("begin")
    append(db, "s")
    db.execute("prepare transaction " + value(db, "select quote_literal(%s)", (gid,)))
    with later(patient, connect, minutes=minutes) as patient:
        patient.mended("prepared_transaction", f"prepared transaction {gid}", severity)


@pytest.mark.parametrize(("seconds", "severity"), [(15, "warning"), (61, "critical")])
def test_an_append_that_stays_open(
    db: Connection, patient: Patient, connect: Connect, seconds: int, severity: str
) -> None:
    holder = connect(autocommit=False, application_name="checkout")
    append(holder, "s")
    assert patient.findings("mark_held") == []
    with later(patient, connect, seconds=seconds) as patient:
        # a view knows the clock that there was when it was made
        db.execute((ROOT / "sql" / "views" / "open_appends.sql").read_bytes())
        finding = patient.mended("mark_held", f"pid {holder.info.backend_pid}", severity)
    assert "behind position 0" in finding["fact"]


def test_a_lock_that_no_append_took(patient: Patient, connect: Connect) -> None:
    holder = connect()
    holder.execute("select pg_advisory_lock(" + ANNOUNCEMENT + ")", (7,))
    patient.mended("mark_held", f"pid {holder.info.backend_pid}", "critical")


def test_a_hot_stream_under_an_old_snapshot(db: Connection, patient: Patient, connect: Connect) -> None:
    reader = connect(autocommit=False)
    reader.execute("set transaction isolation level repeatable read")
    reader.execute("select count(*) from esdb.streams")
    append_many(db, "hot", 900)
    append_many(db, "cold", 50)
    db.execute("do $$ begin for n in 1 .. 6000 loop update esdb.streams set version = version; commit; end loop; end $$")
    assert patient.findings("hot_stream") == []
    with later(patient, connect, seconds=40) as patient:
        finding = patient.has("hot_stream", "stream hot", "warning")
        assert str(reader.info.backend_pid) in finding["mend"]
        patient.mended("hot_stream", "stream hot", "warning")


def test_parked_events(db: Connection, patient: Patient) -> None:
    append(db, "s")
    db.execute("select esdb.create_subscription('it''s', max_attempts => 1)")
    token, position = db.execute('select token, "position" from esdb.claim_events(%s, %s)', ("it's", "w")).fetchall()[0]
    db.execute("select esdb.nack(%s, %s, %s, 'no stock')", ("it's", token, position))
    finding = patient.mended("events_parked", "subscription it's", "warning")
    assert "no stock" in finding["fact"]


# --- roles


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
def test_a_role_that_may_do_too_much(
    db: Connection, patient: Patient, role: str, grants: list[str], fact: str
) -> None:
    new_role(db, role)
    assert patient.findings("role_too_mighty") == []
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


# --- the command


def test_the_command(db: Connection, esdb: Esdb, connect: Connect) -> None:
    holder = connect()
    holder.execute("select pg_advisory_lock(" + ANNOUNCEMENT + ")", (7,))
    result = esdb("doctor")
    assert result.returncode == 3
    assert result.stdout.startswith(f"critical mark_held: pid {holder.info.backend_pid}\n")
    assert f"  mend, in SQL:\n    select pg_terminate_backend({holder.info.backend_pid});\n" in result.stdout
    assert "1 notice" in result.stderr
    findings = json.loads(esdb("doctor", "--json").stdout)["findings"]
    ranks = [("critical", "warning", "notice").index(finding["severity"]) for finding in findings]
    assert ranks == sorted(ranks)
    names = {finding["finding"] for finding in findings}
    assert {"mark_held", "public_connect", "no_wal_archive"} <= names
    serious = json.loads(esdb("doctor", "--json", "--severity", "critical").stdout)["findings"]
    assert {finding["severity"] for finding in serious} == {"critical"}
    rest = sorted(names - {"mark_held"})
    skips = [option for name in rest for option in ("--skip", name)]
    assert {finding["finding"] for finding in json.loads(esdb("doctor", "--json", *skips).stdout)["findings"]} == {
        "mark_held"
    }
    holder.close()
    until(lambda: db.execute("select from esdb.open_appends").fetchone() is None, "the end of the lock")
    well = esdb("doctor", *skips)
    assert (well.returncode, well.stdout) == (0, "ok\n"), well.stdout
    assert json.loads(esdb("doctor", "--json", *skips).stdout) == {"ok": True, "findings": []}


def test_an_unknown_finding_is_a_usage_error(esdb: Esdb) -> None:
    result = esdb("doctor", "--skip", "nothing")
    assert result.returncode == 2
    assert "there is no such finding" in result.stderr
    assert "mark_held" in result.stderr


def test_a_database_without_a_store(esdb: Esdb, empty_db_url: str) -> None:
    result = esdb("doctor", url=empty_db_url)
    assert result.returncode == 1
    assert "run `esdb migrate`" in result.stderr


def test_only_maintainers_may_ask(db: Connection, esdb: Esdb, db_url: str, role: str) -> None:
    new_role(db, role, "esdb_reader")
    result = esdb("doctor", url=psycopg.conninfo.make_conninfo(db_url, user=role))
    assert result.returncode == 1
    assert "permission denied" in result.stderr


def test_the_page_tells_every_finding(db: Connection) -> None:
    page = (ROOT / "docs" / "how-to" / "doctor.md").read_text()
    known = {name for (name,) in db.execute("select finding from esdb_meta.doctor_checks()")}
    told = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert told == known
