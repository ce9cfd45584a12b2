"""Snapshots beside appends, saves beside a cleanup, cleanups beside each other, and `esdb snapshots`."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.databases import start_esdb
from tests.feed_support import Crew, append, append_many, random_of, until, value
from tests.fixtures import Connect, Connection, Esdb

AGGREGATES = 1500
OLD = 8
"""Snapshots of each aggregate that are old enough to go."""
BATCH = 5000
NO_WAIT = "set lock_timeout = '3s'"
"""Makes a wait for a lock, which only the test's own next step would end, an error."""


def fill(db: Connection, aggregates: int = AGGREGATES, old: int = OLD) -> int:
    """Make streams at version 1000, each with `old` snapshots of two months ago, and give the snapshots' number."""
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute(
            "insert into esdb.streams (aggregate_id, aggregate_type, bounded_context, group_context, version,"
            " month_version, created_at, updated_at)"
            " select 'a' || n, 'note', 'n', 'm', 1000, 1, now(), now() from generate_series(1, %s) as n",
            (aggregates,),
        )
        db.execute(
            "insert into esdb.snapshots (aggregate_id, version, state, timestamp)"
            " select 'a' || n, v, '{}', now() - interval '60 days'"
            " from generate_series(1, %s) as n cross join generate_series(1, %s) as v",
            (aggregates, old),
        )
    db.execute("analyze esdb.snapshots")
    return aggregates * old


def versions(db: Connection, stream: str) -> list[int]:
    rows = db.execute("select version from esdb.snapshots where aggregate_id = %s order by version", (stream,))
    return [version for (version,) in rows]


def save(connection: Connection, stream: str, version: int, state: str = "{}") -> None:
    connection.execute("select esdb.save_snapshot(%s, %s::bigint, %s)", (stream, version, state))


def cleanup(connection: Connection, arguments: str = "1, '1 day'") -> int:
    return int(value(connection, f"select esdb.cleanup_old_snapshots({arguments})"))


def test_saves_and_appends_do_not_wait_for_each_other(db: Connection, connect: Connect) -> None:
    append_many(db, "a", 3)
    other = connect()
    other.execute(NO_WAIT)
    with db.transaction():
        append(db, "a")
        save(other, "a", 3)
    with db.transaction():
        save(db, "a", 4)
        assert append(other, "a").version == 5
        save(other, "a", 5)
    assert versions(db, "a") == [3, 4, 5]


def test_a_snapshot_of_what_is_not_committed_is_ahead(db: Connection, connect: Connect) -> None:
    append(db, "a")
    with db.transaction():
        append(db, "a")
        with pytest.raises(psycopg.DatabaseError) as refused:
            save(connect(), "a", 2)
        assert refused.value.sqlstate == "SE014"
        save(db, "a", 2)


def test_aggregate_and_events_are_of_one_moment(db: Connection, connect: Connect) -> None:
    """Whatever is saved and appended meanwhile: snapshot and events amount to the version, without a gap."""
    append(db, "a")
    stop = threading.Event()

    def write() -> None:
        connection = connect()
        while not stop.is_set():
            version = append(connection, "a").version
            if version % 3 == 0:
                save(connection, "a", version)

    crew = Crew()
    crew.start(write)
    try:
        seen = 0
        while seen < 300:
            version, snapshot, loaded = db.execute(
                "select version, coalesce(snapshot_version, 0), events from esdb.load_aggregate('a')"
            ).fetchall()[0]
            assert [event["version"] for event in loaded] == list(range(snapshot + 1, version + 1))
            assert version >= seen
            seen = version
    finally:
        stop.set()
        crew.join()


def test_a_cleanup_waits_for_no_save_and_leaves_what_is_saved(db: Connection, connect: Connect) -> None:
    total = fill(db, aggregates=10)
    other = connect()
    other.execute(NO_WAIT)
    with db.transaction():
        save(db, "a3", 2, '{"new": true}')
        assert cleanup(other) == total - 10 - 1
    assert versions(db, "a3") == [2, OLD]
    assert value(db, "select state from esdb.get_snapshot('a3', 2)") == {"new": True}
    assert cleanup(other) == 0


def test_a_save_waits_for_no_cleanup_but_of_its_own_snapshot(db: Connection, connect: Connect) -> None:
    fill(db, aggregates=10)
    other, third = connect(), connect()
    other.execute(NO_WAIT)
    third.execute("set lock_timeout = '50ms'")
    with db.transaction():
        assert cleanup(db) == 10 * (OLD - 1)
        for stream in ("a1", "a10"):
            save(other, stream, OLD)
            save(other, stream, OLD + 1)
            save(other, stream, 999)
        append(other, "a1", bounded_context="n")
        with pytest.raises(errors.LockNotAvailable):
            save(third, "a1", 1)
    save(third, "a1", 1)
    assert versions(db, "a1") == [1, OLD, OLD + 1, 999]


def test_two_cleanups_share_the_work(db: Connection, connect: Connect) -> None:
    total = fill(db, aggregates=10)
    other = connect()
    other.execute(NO_WAIT)
    with db.transaction():
        first = db.execute("select removed from esdb._cleanup_snapshots(1, '1 day', batch_size => 30)").fetchone()
        assert first is not None
        second = cleanup(other)
        assert first[0] + second == total - 10
        assert first[0] > 0
        assert second > 0
    assert value(db, "select count(*) from esdb.snapshots") == 10


@pytest.mark.parametrize("seed", range(2))
def test_nothing_saved_is_lost_to_cleanups(db: Connection, connect: Connect, esdb: Esdb, seed: int) -> None:
    """Savers replace just those snapshots that four cleanups are removing: what a save has left there stays."""
    total = fill(db)
    stop = threading.Event()
    removed: list[int] = []
    saved: set[tuple[str, int]] = set()
    guard = threading.Lock()

    def keep_saving(number: int) -> None:
        connection = connect()
        chance = random_of(seed, number)
        while not stop.is_set():
            chosen = (f"a{chance.randint(1, AGGREGATES)}", chance.randint(1, OLD - 1))
            save(connection, *chosen)
            with guard:
                saved.add(chosen)

    def clean_up(kind: int) -> None:
        if kind % 2:
            removed.append(cleanup(connect()))
        else:
            result = esdb("snapshots", "cleanup", "--keep", "1", "--older-than-days", "1", "--json")
            assert result.returncode == 0, result.stderr
            removed.append(json.loads(result.stdout)["removed"])

    savers, cleaners = Crew(), Crew()
    for number in range(3):
        savers.start(keep_saving, number)
    for number in range(4):
        cleaners.start(clean_up, number)
    try:
        cleaners.join()
    finally:
        stop.set()
        savers.join()
    removed.append(cleanup(db))
    newest = {(f"a{number}", OLD) for number in range(1, AGGREGATES + 1)}
    stored = set(db.execute("select aggregate_id, version from esdb.snapshots").fetchall())
    assert stored == newest | saved
    assert sum(removed) >= total - len(stored)
    assert max(removed) < total


def test_the_command_commits_after_each_batch(db: Connection, connect: Connect, db_url: str) -> None:
    """The second batch is made to wait: the first is done then, and a save of what it removed waits for nothing."""
    total = fill(db)
    assert total > 2 * BATCH
    # batches go downwards: this one is the last
    db.execute("""
        create function public.hold() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_xact_lock(1);
            return old;
        end $$;
        create trigger hold before delete on esdb.snapshots
            for each row when (old.aggregate_id = 'a1') execute function public.hold();
    """)
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = 1"
    other = connect()
    other.execute(NO_WAIT)
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(1)")
        process = start_esdb("snapshots", "cleanup", "--keep", "1", "--older-than-days", "1", url=db_url)
        until(lambda: value(db, waiting) or process.poll() is not None, "the last batch")
        assert process.poll() is None
        left = value(other, "select count(*) from esdb.snapshots")
        assert total - 2 * BATCH <= left < total - BATCH
        assert versions(other, "a999") == [OLD]
        save(other, "a999", 1)
        save(other, "a1", 900)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", f"removed {total - AGGREGATES} snapshots\n")


def test_a_batch_reads_the_key_alone_from_its_place_on(db: Connection) -> None:
    fill(db)
    db.execute("vacuum esdb.snapshots")
    plans: list[str] = []
    db.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    db.execute("load 'auto_explain'")
    db.execute(
        "set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
        " set auto_explain.log_analyze = on; set client_min_messages = log"
    )
    db.execute("select * from esdb._cleanup_snapshots(100, '1 day', 'a5', 3, 50)")
    db.execute("set auto_explain.log_min_duration = -1")
    (plan,) = [plan for plan in plans if "with page as" in plan]
    assert re.search(r"Index Only Scan Backward using snapshots_pkey .*actual .*rows=50[. ]", plan), plan
    assert re.search(r"Index Cond: \(ROW\(aggregate_id, .*version.*\) < ", plan), plan
    assert "Seq Scan" not in plan, plan


def due(esdb: Esdb, *arguments: str, **options: Any) -> list[str]:
    result = esdb("snapshots", "due", "--json", *arguments, **options)
    assert result.returncode == 0, result.stderr
    return [row["aggregate_id"] for row in json.loads(result.stdout)]


def test_due_by_option_environment_and_setting(db: Connection, esdb: Esdb) -> None:
    for stream, count in (("short", 5), ("middle", 50), ("long", 120)):
        append_many(db, stream, count)
    save(db, "middle", 10)
    assert due(esdb) == ["long"]
    assert due(esdb, "--threshold", "5") == ["long", "middle", "short"]
    assert due(esdb, env={"SNAPSHOT_THRESHOLD": "40"}) == ["long", "middle"]
    assert due(esdb, env={"SNAPSHOT_THRESHOLD": ""}) == ["long"]
    assert due(esdb, "--threshold", "1000", env={"SNAPSHOT_THRESHOLD": "40"}) == []
    assert esdb("settings", "set", "snapshot_threshold", "40").returncode == 0
    assert due(esdb) == ["long", "middle"]
    shown = esdb("snapshots", "due").stdout.splitlines()
    assert [line.split()[0] for line in shown[2:]] == ["long", "middle"]
    assert shown[3].split() == ["middle", "bookmark", "b", "50", "10", "40"]


def test_cleanup_by_option_environment_and_setting(db: Connection, esdb: Esdb) -> None:
    def left(*arguments: str, **options: Any) -> int:
        with db.transaction():
            db.execute("truncate esdb.snapshots, esdb.streams")
        fill(db, aggregates=1)
        result = esdb("snapshots", "cleanup", *arguments, **options)
        assert (result.returncode, result.stdout) == (0, ""), result.stderr
        return int(value(db, "select count(*) from esdb.snapshots"))

    assert left() == 5
    assert left("--keep", "2") == 2
    assert left("--older-than-days", "61") == OLD
    assert left("--older-than-days", "59") == 5
    assert left(env={"SNAPSHOT_RETENTION_DAYS": "61"}) == OLD
    assert left(env={"SNAPSHOT_RETENTION_DAYS": ""}) == 5
    assert left("--older-than-days", "0", "--keep", "1", env={"SNAPSHOT_RETENTION_DAYS": "61"}) == 1
    assert left("--older-than-days", "365000") == OLD
    db.execute("select esdb.set_setting('snapshots_kept', '3')")
    assert left() == 3
    db.execute("select esdb.set_setting('snapshot_retention', '70 days')")
    assert left() == OLD
    assert left(env={"SNAPSHOT_RETENTION_DAYS": "1"}) == 3


def test_a_dry_run_prints_what_a_run_does_first(db: Connection, esdb: Esdb) -> None:
    fill(db, aggregates=2)
    script = esdb("snapshots", "cleanup", "--dry-run", "--keep", "3", env={"SNAPSHOT_RETENTION_DAYS": "7"})
    assert script.returncode == 0
    assert value(db, "select count(*) from esdb.snapshots") == 2 * OLD
    assert script.stdout.splitlines()[-4:] == [
        "select aggregate_id, version, removed from esdb._cleanup_snapshots(",
        "    keep => 3,",
        "    older_than => '7 days'::interval",
        ") as result;",
    ]
    assert db.execute(script.stdout).fetchall() == [(None, None, 2 * (OLD - 3))]
    assert value(db, "select count(*) from esdb.snapshots") == 2 * 3


@pytest.mark.parametrize(
    ("command", "variable", "bad"),
    [
        ("due", "SNAPSHOT_THRESHOLD", "many"),
        ("due", "SNAPSHOT_THRESHOLD", "0"),
        ("due", "SNAPSHOT_THRESHOLD", "99999999999"),
        ("due", "SNAPSHOT_THRESHOLD", "1\n2\x1b[31m"),
        ("cleanup", "SNAPSHOT_RETENTION_DAYS", "-1"),
        ("cleanup", "SNAPSHOT_RETENTION_DAYS", "30 days"),
        ("cleanup", "SNAPSHOT_RETENTION_DAYS", "1e9"),
        ("cleanup", "SNAPSHOT_RETENTION_DAYS", "365001"),
    ],
)
def test_a_bad_variable_is_one_line(esdb: Esdb, command: str, variable: str, bad: str) -> None:
    result = esdb("snapshots", command, env={variable: bad})
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"esdb: {variable}: ")
    assert line.isprintable()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["due", "--threshold", "0"], "--threshold"),
        (["due", "--threshold", "x"], "--threshold"),
        (["cleanup", "--keep", "0"], "--keep"),
        (["cleanup", "--older-than-days", "-1"], "--older-than-days"),
        (["cleanup", "--json", "--dry-run"], "Give either --dry-run or --json."),
    ],
)
def test_a_wrong_option_is_exit_2(esdb: Esdb, arguments: list[str], message: str) -> None:
    result = esdb("snapshots", *arguments, env={"SNAPSHOT_THRESHOLD": "7", "SNAPSHOT_RETENTION_DAYS": "7"})
    assert result.returncode == 2
    assert message in result.stderr


def test_help_names_the_variables(esdb: Esdb) -> None:
    assert "SNAPSHOT_THRESHOLD" in esdb("snapshots", "due", "--help").stdout
    assert "SNAPSHOT_RETENTION_DAYS" in " ".join(esdb("snapshots", "cleanup", "--help").stdout.split())
