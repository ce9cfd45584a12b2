"""What `esdb doctor` finds in a store: each finding is provoked, and what it says makes it go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.archive_support import Shelf, age
from tests.doctor_support import Patient, later
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after
from tests.feed_support import ANNOUNCEMENT, Crew, append, append_many, until, value
from tests.fixtures import Connect, Connection, Esdb
from tests.tools import ROOT


@pytest.fixture
def patient(db_url: str) -> Patient:
    return Patient(db_url)


def test_every_finding_is_provoked(db: Connection) -> None:
    known = {name for (name,) in db.execute("select finding from esdb_meta.doctor_checks()")}
    texts = [path.read_text() for path in (ROOT / "tests").glob("test_doctor*.py")]
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


def test_a_check_that_waits_for_a_lock_is_a_finding(connect: Connect, patient: Patient) -> None:
    holder = connect(autocommit=False)
    holder.execute("analyze esdb.streams")
    holder.commit()
    holder.execute("lock table esdb.streams in access exclusive mode")
    with psycopg.connect(patient.url, options="-c statement_timeout=20s") as connection:
        query = "select subject, fact from esdb.findings where finding = 'check_failed'"
        told: dict[str, str] = dict(connection.execute(query).fetchall())
    assert "55P03" in told["check bloat"]
    holder.rollback()
    patient.is_well("check_failed", "check bloat")


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


# --- transactions and the feed


def test_a_transaction_that_idles(patient: Patient, connect: Connect) -> None:
    idle = connect(autocommit=False, application_name="checkout")
    idle.execute("select 1")
    assert patient.findings("idle_transaction") == []
    then = later(patient, connect, minutes=2)
    finding = then.mended("idle_transaction", f"pid {idle.info.backend_pid}", "warning")
    assert "checkout" in finding["fact"]


def test_a_transaction_that_is_open_for_long(patient: Patient, connect: Connect) -> None:
    busy = connect()
    crew = Crew()

    def work() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select pg_sleep(600)")

    crew.start(work)
    then = later(patient, connect, minutes=61)
    then.mended("long_transaction", f"pid {busy.info.backend_pid}", "warning")
    crew.join()


@pytest.mark.parametrize(("minutes", "severity"), [(2, "warning"), (61, "critical")])
def test_a_prepared_transaction(
    db: Connection, patient: Patient, connect: Connect, minutes: int, severity: str
) -> None:
    gid = f"{db.info.dbname}: it's left over"
    db.execute("begin")
    append(db, "s")
    db.execute("prepare transaction " + value(db, "select quote_literal(%s)", (gid,)))
    then = later(patient, connect, minutes=minutes)
    then.mended("prepared_transaction", f"prepared transaction {gid}", severity)


@pytest.mark.parametrize(("seconds", "severity"), [(15, "warning"), (61, "critical")])
def test_an_append_that_stays_open(
    db: Connection, patient: Patient, connect: Connect, seconds: int, severity: str
) -> None:
    holder = connect(autocommit=False, application_name="checkout")
    append(holder, "s")
    assert patient.findings("mark_held") == []
    then = later(patient, connect, seconds=seconds)
    # a view knows the clock that there was when it was made
    db.execute((ROOT / "sql" / "views" / "open_appends.sql").read_bytes())
    finding = then.mended("mark_held", f"pid {holder.info.backend_pid}", severity)
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
    loop = "for n in 1 .. 6000 loop update esdb.streams set version = version; commit; end loop;"
    db.execute(f"do $$ begin {loop} end $$")
    assert patient.findings("hot_stream") == []
    then = later(patient, connect, seconds=40)
    finding = then.has("hot_stream", "stream hot", "warning")
    assert str(reader.info.backend_pid) in finding["mend"]
    then.mended("hot_stream", "stream hot", "warning")


def test_parked_events(db: Connection, patient: Patient) -> None:
    append(db, "s")
    db.execute("select esdb.create_subscription('it''s', max_attempts => 1)")
    token, position = db.execute('select token, "position" from esdb.claim_events(%s, %s)', ("it's", "w")).fetchall()[0]
    db.execute("select esdb.nack(%s, %s, %s, 'no stock')", ("it's", token, position))
    patient.has("events_parked", "subscription it's", "warning")
    # as one that waited and has failed is tried again by itself
    db.execute(
        "update esdb.subscription_parkings set state = 'waiting', retry_at = clock_timestamp() + interval '1 hour'"
    )
    assert patient.findings("events_parked") == []
    db.execute("update esdb.subscription_parkings set state = 'failed', retry_at = null")
    finding = patient.mended("events_parked", "subscription it's", "warning")
    assert "no stock" in finding["fact"]


def test_a_subscription_without_workers(db: Connection, connect: Connect, patient: Patient) -> None:
    db.execute("select esdb.create_subscription('it''s')")
    append(db, "s")
    assert patient.findings("subscription_behind") == []
    finding = later(patient, connect, minutes=6).has("subscription_behind", "subscription it's", "warning")
    assert finding["fact"].startswith("partitions over five minutes behind: 1, by up to 00:06:0")
    # what it says to look at can be looked at
    assert len(db.execute(finding["mend"].encode()).fetchall()) == 1


def test_statistics_that_nobody_refreshes(db: Connection, connect: Connect, patient: Patient) -> None:
    assert patient.findings("statistics_old") == []
    then = later(patient, connect, hours=37)
    # it knows the clock that there was when it was made
    db.execute((ROOT / "sql" / "functions" / "feed" / "_microseconds.sql").read_bytes())
    then.mended("statistics_old", "view esdb.event_statistics", "notice")


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


def test_the_page_tells_every_finding(db: Connection) -> None:
    page = (ROOT / "docs" / "how-to" / "doctor.md").read_text()
    known = {name for (name,) in db.execute("select finding from esdb_meta.doctor_checks()")}
    section = page.partition("## Every finding")[2]
    assert {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")} == known
