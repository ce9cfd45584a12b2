"""What months go through, with the real commands: appended to, sealed, archived, restored; and all of it at once."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from esdb_cli.archive import archive as archive_all
from esdb_cli.restore import restore as restore_all
from esdb_cli.seal import seal as seal_all
from tests.archive_support import restore, succeeds
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, utc
from tests.feed_support import Crew, read_all, value
from tests.fixtures import Connect, Connection, Esdb
from tests.lifecycle_chaos import Chaos

CHAOS_SECONDS = float(os.environ.get("CHAOS_S", "8"))


def test_nothing_is_lost_while_months_come_and_go(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    seed = int(os.environ.get("ESDB_TEST_SEED") or random.randrange(2**32))
    print(f"ESDB_TEST_SEED={seed}")
    Clock(connect)
    now = datetime.now(UTC)
    present = utc(now.year, now.month)
    months = [month_after(first_leaf_month(db), number) for number in (-3, -2, -1)]
    for name in ("bookmark", "note"):
        make_months(db, name, months[0], 3)
        db.execute("select esdb.set_retention(%s, '8 days')", (name[0],))
    chaos = Chaos(db_url, seed, months, present, tmp_path)
    crew = Crew()
    for number in range(3):
        crew.start(chaos.work, f"writer {number}", chaos.write)
        crew.start(chaos.work, f"follower {number}", chaos.follow)
    for name, once in (
        ("reader 0", chaos.read_streams),
        ("reader 1", chaos.read_streams),
        ("counter", chaos.count),
        ("operator of archives", chaos.archive_and_restore),
        ("operator of seals", chaos.seal_and_unseal),
        ("assassin", chaos.kill),
    ):
        crew.start(chaos.work, name, once)
    until = time.monotonic() + CHAOS_SECONDS
    while time.monotonic() < until and not crew._errors:
        time.sleep(0.1)
    chaos.stop.set()
    crew.join()
    for k, v in sorted(chaos.deeds.items()):
        print(v, k)

    archive_all(db, {"older_than": None, "context": None, "keep_table": False}, tmp_path)
    folders = [Path(name) for (name,) in db.execute("select location from esdb.archives").fetchall()]
    restore_all(db, folders)
    seal_all(db)
    found = {event.position: event for event in read_all(db, count=10_000_000)}
    assert list(found) == sorted(found)
    committed = chaos.committed()
    assert committed
    for event in committed.values():
        assert found[event.position][1:] == (event.aggregate_id, event.version, event.event_type)
    assert value(db, "select esdb.event_count()") == len(found) == value(db, "select count(*) from esdb.events")
    db.execute("drop function pg_catalog.clock_timestamp()")
    db.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")
    newest = value(db, "select encode(digest, 'hex') from esdb.seals order by number desc limit 1")
    assert succeeds(esdb("verify")) == "ok\n"
    assert succeeds(esdb("verify", "--events", "--expect", newest)) == "ok\n"
