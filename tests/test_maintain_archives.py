"""`esdb maintain`: what is past its context's time is archived, and six runs at once do everything once."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from esdb_cli.archive import LOCK_KEY
from esdb_cli.maintain import KEYS_AT_ONCE
from tests.archive_support import Shelf, attached, states
from tests.databases import run_esdb, start_esdb
from tests.feed_clock import month_after
from tests.feed_support import Crew, append, value
from tests.fixtures import Connect, Connection, Esdb
from tests.test_maintain import KEYS, OLD_KEYS, outcomes

OLD_SNAPSHOTS = (
    "insert into esdb.snapshots select 's0', n, '{}', now() - interval '90 days' from generate_series(%s + 1, %s) as n"
)


@pytest.fixture
def shelf(db: Connection, connect: Connect) -> Shelf:
    """Give a store with four sealed months of the past."""
    return Shelf(db, connect)


def retain(connection: Connection, shelf: Shelf) -> None:
    """Let the shelf's months be past their time from now on, but not the month that follows them."""
    age = value(connection, "select (now() - %s)::text", (month_after(shelf.months[-1]),))
    connection.execute("select esdb.set_retention('b', %s)", (f"{age.split()[0]} days",))


def test_what_is_past_its_time_is_told_of_and_stays(shelf: Shelf, db: Connection, esdb: Esdb) -> None:
    retain(db, shelf)
    found = outcomes(esdb("maintain", "--json").stdout)["retention"]
    assert (found["result"], found["detail"]) == ("skipped", "4 partitions are past their time: give --archive-to")
    assert "give --archive-to" in esdb("maintain", "--only", "retention", "--dry-run").stdout
    assert set(shelf.leaves) <= attached(db)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_what_is_past_its_time_is_archived(shelf: Shelf, db: Connection, esdb: Esdb, tmp_path: Path, by: str) -> None:
    option, environment = (
        (["--archive-to", str(tmp_path)], {}) if by == "option" else ([], {"ESDB_ARCHIVE_TO": str(tmp_path)})
    )
    run = ("maintain", "--json", *option)
    assert outcomes(esdb(*run, env=environment).stdout)["retention"]["detail"] == "nothing to do"
    retain(db, shelf)
    dry = esdb("maintain", "--only", "retention", "--dry-run", *option, env=environment)
    assert dry.stdout.count("select * from esdb._finish_archive(") == 4
    assert set(shelf.leaves) <= attached(db)
    result = esdb(*run, env=environment)
    assert (result.returncode, outcomes(result.stdout)["retention"]["detail"]) == (0, "4 partitions archived")
    assert states(db) == dict.fromkeys(shelf.leaves, "archived")
    assert {path.name for path in tmp_path.iterdir()} == set(shelf.leaves)
    assert outcomes(esdb(*run, env=environment).stdout)["retention"]["detail"] == "nothing to do"


def test_another_ones_archiving_is_left_to_it(
    shelf: Shelf, db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    retain(db, shelf)
    other = connect()
    other.execute(f"select pg_advisory_lock({LOCK_KEY})")
    run = ("maintain", "--json", "--lock-timeout", "0.1", "--archive-to", str(tmp_path))
    result = esdb(*run)
    found = outcomes(result.stdout)["retention"]
    assert (result.returncode, found["result"], found["detail"]) == (0, "skipped", "another run is at it")
    assert set(shelf.leaves) <= attached(db)


@pytest.mark.parametrize("place", ["missing", "file"])
def test_a_directory_that_is_none_is_refused_before_anything_is_done(
    db: Connection, esdb: Esdb, tmp_path: Path, place: str
) -> None:
    db.execute(OLD_KEYS, (3,))
    (tmp_path / "file").write_text("")
    for option, environment in (
        (["--archive-to", str(tmp_path / place)], {}),
        ([], {"ESDB_ARCHIVE_TO": str(tmp_path / place)}),
    ):
        result = esdb("maintain", *option, env=environment)
        assert (result.returncode, result.stdout) == (2, "")
        assert str(tmp_path / place) in result.stderr
    assert value(db, KEYS) == 3


def test_six_at_once_beside_appends_do_everything_once(
    shelf: Shelf, db: Connection, connect: Connect, db_url: str, tmp_path: Path
) -> None:
    rounds, keys, snapshots = 3, 2 * KEYS_AT_ONCE + 7, 40
    retain(db, shelf)
    db.execute("select esdb.set_setting('seal_after', '0')")
    stop, crew = threading.Event(), Crew()
    appended: list[int] = []

    def write(number: int) -> None:
        connection = connect()
        while not stop.is_set():
            append(connection, f"w{number}", bounded_context="n", idempotency_key=str(len(appended)))
            appended.append(number)

    for number in range(3):
        crew.start(write, number)
    done: Counter[str] = Counter()
    for turn in range(rounds):
        db.execute(OLD_KEYS.replace("'old-'", f"'old-{turn}-'"), (keys,))
        db.execute(OLD_SNAPSHOTS, (turn * snapshots, (turn + 1) * snapshots))
        db.execute("select esdb.set_setting('partitions_ahead', %s)", (str(4 + turn),))
        runs = [
            start_esdb("maintain", "--json", "--lock-timeout", "60", "--archive-to", str(tmp_path), url=db_url)
            for _ in range(6)
        ]
        for run in runs:
            output, errors = run.communicate(timeout=120)
            assert run.returncode == 0, errors + output
            for step, outcome in outcomes(output).items():
                assert outcome["result"] in {"ok", "skipped"}, errors
                number = outcome["detail"].split()[0]
                done[step] += int(number) if number.isdigit() else 0
    stop.set()
    crew.join()
    assert done["purge-keys"] == rounds * keys
    assert done["clean-snapshots"] == rounds * snapshots - 5
    assert done["create-next"] == rounds * 9
    assert done["retention"] == len(shelf.leaves)
    assert states(db) == dict.fromkeys(shelf.leaves, "archived")
    # once each, by the audit log, and nothing is left
    twice = (
        "select action, subject from esdb.audit_log where action in ('seal', 'archive', 'create partition')"
        " group by 1, 2 having count(*) > 1"
    )
    assert db.execute(twice).fetchall() == []
    assert value(db, "select count(*) from esdb._seal_plan()") == 0
    assert value(db, "select count(*) from esdb._partition_plan()") == 0
    assert value(db, KEYS + " where starts_with(key, 'old-')") == 0
    assert value(db, "select count(*) from esdb.snapshots") == 5
    db.execute("delete from esdb.snapshots")  # of versions that the stream has not
    assert len(appended) > 0
    result = run_esdb("verify", "--events", url=db_url)
    assert (result.returncode, result.stdout) == (0, "ok\n"), result.stderr
