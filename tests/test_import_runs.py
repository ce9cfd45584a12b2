"""`esdb import` killed, beside another, beside appends, into sealed and archived months, and in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.archive_support import Shelf, age, archive
from tests.databases import environment, esdb_program, run_esdb
from tests.feed_chaos import sequence
from tests.feed_support import (
    PERFECT,
    Crew,
    Seen,
    append,
    append_many,
    judge,
    mark,
    read_all,
    until,
    value,
    waits_for_a_lock,
)
from tests.feed_support import stored as seen
from tests.fixtures import Connect, Connection, Esdb, NewServer
from tests.import_support import BATCH, assert_sound, event, events, report, stored, text, write

MEMORY = 300 << 10
"""Kilobytes that an import may take."""


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start an import of lines that the test writes to it."""
    return subprocess.Popen(
        [esdb_program(), "import", *arguments], env=environment(url), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def feed(process: subprocess.Popen[str], lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write(lines)
    process.stdin.flush()


def count(connection: Connection) -> int:
    return int(value(connection, "select count(*) from esdb.events"))


def importers(connection: Connection) -> int:
    return int(value(connection, "select count(*) from pg_stat_activity where application_name = 'esdb'"))


def test_a_killed_import_is_run_again(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(BATCH * 2 + 500, streams=300)
    with start(db_url, "-") as process:
        feed(process, text(given[: BATCH + 5000]))
        until(lambda: count(db) == BATCH, "the first batch")
        process.kill()
    until(lambda: importers(db) == 0, "the killed import's sessions end")
    assert count(db) == BATCH
    assert_sound(db_url)

    again = report(esdb("import", write(tmp_path / "f", given), "--json"))
    assert (again["events"], again["known"]) == (BATCH + 500, BATCH)
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    assert_sound(db_url)


def test_an_import_killed_inside_a_batch_leaves_nothing_of_it(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    given = events(1000, streams=50)
    file = write(tmp_path / "f", given)
    assert esdb("import", "-", stdin=text(given[:50])).returncode == 0
    holder = connect(autocommit=False)
    holder.execute("select from esdb.streams where aggregate_id = 's-30' for update")
    with start(db_url, file) as process:
        until(lambda: _waiting(db), "the import waits for the stream")
        process.kill()
    holder.rollback()
    until(lambda: importers(db) == 0, "the killed import's sessions end")
    assert count(db) == 50
    assert report(esdb("import", file, "--json"))["events"] == 950
    assert_sound(db_url)


def _waiting(observer: Connection) -> list[int]:
    rows = observer.execute(
        "select pid from pg_stat_activity where application_name = 'esdb' and wait_event_type = 'Lock'"
    ).fetchall()
    return [pid for (pid,) in rows if waits_for_a_lock(observer, pid)]


def test_one_import_at_a_time(db: Connection, db_url: str, esdb: Esdb) -> None:
    with start(db_url, "-", "--json") as first:
        feed(first, text(events(BATCH + 5)))
        until(lambda: count(db) == BATCH, "the first batch")
        second = esdb("import", "-", stdin=text([event(1, "other", 1)]))
        assert (second.returncode, second.stderr) == (4, "esdb: another import is running\n")
        output, _ = first.communicate(timeout=60)
    assert json.loads(output)["events"] == BATCH + 5
    assert esdb("import", "-", stdin=text([event(1, "other", 1)])).returncode == 0


def test_appends_and_readers_go_on(db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    given = events(BATCH * 2, streams=200)
    file = write(tmp_path / "f", given)
    stop, written = threading.Event(), threading.Event()
    consumed: list[Seen] = []

    def write_events(number: int) -> None:
        connection = connect()
        while not stop.is_set():
            append_many(connection, f"live-{number}", 3)

    def consume() -> None:
        connection = connect()
        cursor = 0
        while True:
            ended = written.is_set() and mark(connection) >= sequence(connection)
            page = read_all(connection, cursor)
            consumed.extend(page)
            if page:
                cursor = page[-1].position
            elif ended:
                return

    crew, reader = Crew(), Crew()
    for number in range(2):
        crew.start(write_events, number)
    reader.start(consume)
    result = esdb("import", file, "--json")
    stop.set()
    crew.join()
    # an empty page is the end only when the mark is there, too: a dear look at the locks is not repeated at once
    written.set()
    reader.join()
    assert report(result)["events"] == BATCH * 2, result.stderr
    assert judge(consumed, seen(db)) == PERFECT
    imported = [event.aggregate_id for event in consumed if event.aggregate_id.startswith("s-")]
    assert imported == [row["aggregate_id"] for row in given]
    assert_sound(db_url)


def test_an_append_in_progress_to_a_stream_of_the_file_is_waited_for(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    assert esdb("import", "-", stdin=text(events(10, streams=2))).returncode == 0
    appender = connect(autocommit=False)
    append(appender, "s-0")
    more = write(tmp_path / "f", [event(11, "s-1", 6), event(12, "s-0", 6)])
    with start(db_url, more) as process:
        until(lambda: _waiting(db), "the import waits for the append")
        appender.commit()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "line 2: stream s-0 has another event as its version 6" in errors
    assert_sound(db_url)

    appender.execute("select esdb.append_event('s-1', 'Happened', '{}')")
    more = write(tmp_path / "f", [event(11, "s-1", 6)])
    with start(db_url, more) as process:
        until(lambda: _waiting(db), "the import waits for the append")
        appender.rollback()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert_sound(db_url)


def seals(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select bounded_context, lower_bound, event_count from esdb.seals where event_count > 0 order by 1, 2"
    ).fetchall()


@pytest.mark.parametrize(
    "limit",
    ["statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout"],
)
def test_limits_for_short_sessions_do_not_end_an_import(db: Connection, db_url: str, limit: str) -> None:
    given = events(BATCH + 10, streams=300)
    if value(db, "select count(*) from pg_settings where name = %s", (limit,)):  # one came with PostgreSQL 17
        db.execute(
            sql.SQL("alter database {} set {} = 2000").format(sql.Identifier(db.info.dbname), sql.Identifier(limit))
        )
    with start(db_url, "-") as process:
        feed(process, text(given[:BATCH]))
        until(lambda: count(db) == BATCH, "the first batch")
        # each of its sessions
        until(
            lambda: value(
                db,
                "select bool_and(state_change < clock_timestamp() - interval '3 seconds') from pg_stat_activity"
                " where application_name = 'esdb'",
            ),
            "the import waits for its input for longer",
        )
        _, errors = process.communicate(text(given[BATCH:]), timeout=120)
    assert process.returncode == 0, errors
    assert count(db) == len(given)


def test_a_session_that_is_lost_ends_the_import_in_one_line(db: Connection, db_url: str, tmp_path: Path) -> None:
    given = events(BATCH * 4, streams=3000)
    file = write(tmp_path / "f", given)
    with start(db_url, file) as process:
        until(lambda: count(db) >= BATCH, "a batch")
        db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'esdb' and state = 'idle in transaction'"
        )
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, len(errors.splitlines())) == (1, 1), errors
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given[: count(db)]]
    assert_sound(db_url)


def test_a_server_that_is_killed(new_server: NewServer, tmp_path: Path) -> None:
    server = new_server(max_connections=50)
    url = server.url()
    assert run_esdb("migrate", url=url).returncode == 0
    given = events(BATCH * 4, streams=3000)
    file = write(tmp_path / "f", given)
    with psycopg.connect(url, autocommit=True) as db, start(url, file) as process:
        until(lambda: count(db) >= BATCH, "a batch")
        server.kill9()
        _, errors = process.communicate(timeout=120)
    # 5 where it was about to connect once more
    assert process.returncode in {1, 5}, errors
    assert "Traceback" not in errors
    server.start()
    url = server.url()
    with psycopg.connect(url, autocommit=True) as db:
        there = count(db)
        assert [row["id"] for row in stored(db)] == [row["id"] for row in given[:there]]
        again = report(run_esdb("import", file, "--json", url=url))
        assert (again["events"], again["known"]) == (len(given) - there, there)
        assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    assert_sound(url)


def test_a_sealed_month_is_unsealed_and_sealed_again(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(8000, streams=40)  # five and a half days, over a month's end
    assert esdb("import", write(tmp_path / "f", given[:6000])).returncode == 0
    assert esdb("partitions", "seal").returncode == 0
    before = seals(db)
    assert [rows for _, _, rows in before] == [2880, 3120]

    file = write(tmp_path / "f", given)
    result = esdb("import", file, "--json")
    assert report(result)["unsealed"] == ["events_bookmark_y2025m04"], result.stderr
    assert [rows for _, _, rows in seals(db)] == [2880, 5120]
    reasons = db.execute("select details ->> 'reason' from esdb.audit_log where action = 'unseal'").fetchall()
    assert reasons == [(f"import of {file}",)]
    verified = esdb("verify", "--events")
    assert (verified.returncode, verified.stdout.splitlines()[-1:]) == (0, ["ok"]), verified.stdout + verified.stderr
    # all of it is there: nothing is unsealed
    assert report(esdb("import", file, "--json"))["unsealed"] == []

    late = write(tmp_path / "f", [event(1, "late", 1)])
    assert report(esdb("import", late, "--no-seal", "--json"))["unsealed"] == ["events_bookmark_y2025m03"]
    assert [rows for _, _, rows in seals(db)] == [5120]
    assert esdb("partitions", "seal").returncode == 0
    assert [rows for _, _, rows in seals(db)] == [2881, 5120]
    assert_sound(db_url)


def test_seal_leaves_alone_what_an_import_has_opened(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(BATCH * 2, streams=40)  # a month and its neighbours
    assert esdb("import", write(tmp_path / "f", given[:50])).returncode == 0
    assert esdb("partitions", "seal").returncode == 0
    with start(db_url, "-", "--json") as process:
        feed(process, text(given[: BATCH + 5]))
        until(lambda: count(db) == BATCH, "the first batch")
        assert esdb("partitions", "seal").returncode == 0
        outcomes = json.loads(esdb("maintain", "--only", "seal", "--json").stdout)
        assert [outcome["result"] for outcome in outcomes] == ["ok"]
        # not even closed
        barrier = "select esdb._barrier('esdb.events_bookmark_y2025m03'::regclass)"
        assert value(db, barrier) is None
        assert seals(db) == []
        output, errors = process.communicate(text(given[BATCH + 5 :]), timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["unsealed"] == ["events_bookmark_y2025m03"]
    assert value(db, "select count(*) from esdb.audit_log where action = 'unseal'") == 1
    assert [rows for _, _, rows in seals(db)] == [2880, BATCH * 2 - 2880]
    assert_sound(db_url)


def test_a_bad_line_leaves_the_unsealed_sealed(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    assert esdb("import", "-", stdin=text(events(100))).returncode == 0
    assert esdb("partitions", "seal").returncode == 0
    result = esdb("import", write(tmp_path / "f", [event(1, "new", 1), event(2, "new", 3)]))
    assert result.returncode == 1
    assert [rows for _, _, rows in seals(db)] == [100]
    assert_sound(db_url)


def test_an_archived_month_is_refused(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    assert esdb("import", "-", stdin=text(events(100))).returncode == 0
    assert esdb("partitions", "seal").returncode == 0
    db.execute(
        "insert into esdb.archives (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)"
        " values ('b', '2025-03-01+00', 'events_bookmark_y2025m03', '/archive', 'archived', true, now())"
    )
    result = esdb("import", write(tmp_path / "f", [event(1, "new", 1)]))
    assert result.returncode == 1
    assert "SE013" in result.stderr
    assert count(db) == 100


def test_what_was_archived_takes_nothing_and_nothing_is_half_done(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    shelf = Shelf(db, connect)
    assert archive(esdb, tmp_path, "--older-than", age()).returncode == 0
    before = (count(db), seals(db), value(db, "select count(*) from esdb.partitions"))
    new = event(1, "new", 1, shelf.start - timedelta(days=40))
    for number, month in enumerate(shelf.months):  # the third is empty
        late = event(2, "late", 1, month + timedelta(days=1))
        for mode in (["--dry-run"], []):
            result = esdb("import", write(tmp_path / f"f{number}", [new, late]), *mode)
            assert (result.returncode, "SE013" in result.stderr) == (1, True), (month, mode, result.stderr)
            assert (count(db), seals(db), value(db, "select count(*) from esdb.partitions")) == before
    assert_sound(db_url)


def test_an_import_and_an_export_take_little_memory(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    file = tmp_path / "f"
    with file.open("w", encoding="utf-8") as out:
        for number in range(200_000):
            stream, version = f"s-{number % 1000}", number // 1000 + 1
            out.write(json.dumps(event(number + 1, stream, version)) + "\n")
        for number in range(800):
            payload = {"text": "x" * 200_000}
            out.write(json.dumps(event(200_001 + number, f"large-{number}", 1, payload=payload)) + "\n")
    assert file.stat().st_size > 200_000_000
    assert _memory(db_url, "import", str(file)) < MEMORY
    assert count(db) == 200_800
    exported = tmp_path / "exported"
    assert _memory(db_url, "export", str(exported)) < MEMORY
    with exported.open("rb") as lines:
        assert sum(1 for _ in lines) == 200_800
    result = esdb("import", "--dry-run", "--json", str(exported))
    assert report(result)["known"] == 200_800


def _memory(url: str, *arguments: str) -> int:
    """Run a command and give its largest resident size in kilobytes."""
    process = subprocess.Popen([esdb_program(), *arguments], env=environment(url))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_a_reader_who_leaves_ends_the_export(db: Connection, db_url: str) -> None:
    append_many(db, "s", 5000)
    append_many(db, "s", 5000)
    with subprocess.Popen(
        [esdb_program(), "export"], env=environment(db_url), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
