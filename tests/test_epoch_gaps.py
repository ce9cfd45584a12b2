"""An append that committed just after a standby, a dump or a log ended is lost below events that are kept."""

from __future__ import annotations

import psycopg
import pytest

from tests.backup_support import Outside
from tests.databases import dump, restore, run_esdb
from tests.epoch_support import refused
from tests.feed_support import append, read_all, stored, until, value
from tests.fixtures import Connect, Connection, bindir
from tests.standby import Servers, connected, has_replayed, promoted


def settled(connection: Connection) -> int:
    """Append until the mark that a dump has is at an event that was there before."""
    kept = append(connection, "s").position

    def is_recorded() -> bool:
        append(connection, "s")
        return bool(value(connection, "select position from esdb.dumped_mark") >= kept)

    until(is_recorded, "the mark of the dump")
    return int(value(connection, "select max(position) from esdb.events"))


def goes_on(connection: Connection, outside: Outside, resumed: int) -> None:
    """Assert that a consumer outside is told once to go on after a position, and has then what the store has."""
    assert outside.handled != stored(connection)
    append(connection, "after")
    outside.handle_all(connection)
    assert outside.told == [resumed]


def test_a_consumer_is_told_of_what_a_failover_lost_below_the_last_event(servers: Servers) -> None:
    primary = servers.primary()
    standby = servers.standby(primary)
    outside = Outside()
    with connected(primary) as writer, connected(primary) as late, connected(standby) as reader:
        settled(writer)
        late.autocommit = False
        lost = append(late, "late").position
        append(writer, "s")
        has_replayed(writer, reader)
        standby.stop()
        late.commit()
        append(writer, "s")
        outside.handle_all(writer)
    primary.kill9()
    standby.start()
    promoted(standby)
    with connected(standby) as connection:
        goes_on(connection, outside, lost - 1)
        assert refused(connection, lost)["resume_after"] == lost - 1
        assert run_esdb("verify", url=standby.url()).returncode == 0


def test_a_consumer_is_told_of_what_a_dump_lacks_below_its_last_event(
    db: Connection, db_url: str, empty_db_url: str, connect: Connect
) -> None:
    outside = Outside()
    settled(db)
    late = connect(autocommit=False)
    lost = append(late, "late").position
    append(db, "s")
    dumped = dump(db_url, bindir())
    late.commit()
    append(db, "s")
    outside.handle_all(db)
    restore(dumped, empty_db_url, bindir())
    result = run_esdb("recover", "--force", url=empty_db_url)
    assert f"kept: everything up to position {lost - 1}; the last event is {lost + 1}" in result.stdout
    assert f"and those between {lost - 1} and {lost + 1} that no event has" in result.stdout
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        goes_on(connection, outside, lost - 1)


def test_after_an_ordinary_crash_a_rollback_shortly_before_refuses_no_cursor(servers: Servers) -> None:
    server = servers.primary()
    with connected(server) as writer, connected(server) as undone:
        last = settled(writer)
        undone.autocommit = False
        append(undone, "undone")
        append(writer, "s")
        undone.rollback()
        append(writer, "s")
        kept = stored(writer)
    server.kill9()
    server.start()
    with connected(server) as connection:
        new = append(connection, "s").position
        until(lambda: read_all(connection, new - 1), "the new event")
        for cursor in (event.position for event in kept if event.position >= last):
            seen = [event.position for event in read_all(connection, cursor)]
            assert seen == [event.position for event in kept if event.position > cursor] + [new]


@pytest.mark.parametrize("level", list(psycopg.IsolationLevel), ids=lambda level: level.name.lower())
def test_no_append_waits_or_fails_for_the_mark_of_the_dump(
    db: Connection, connect: Connect, level: psycopg.IsolationLevel
) -> None:
    appender, holder = connect(autocommit=False), connect(autocommit=False)
    appender.isolation_level = level
    appender.execute("set local statement_timeout = '10 s'")
    append(db, "s")
    db.execute("update esdb.dumped_mark set recorded_at = '2026-01-01'")
    holder.execute("select * from esdb.dumped_mark for update")
    db.execute("select setval('esdb.wake_clock', 1)")
    append(appender, "other")
    holder.rollback()
    db.execute("update esdb.dumped_mark set recorded_at = '2026-01-02'")
    db.execute("select setval('esdb.wake_clock', 1)")
    append(appender, "other")
    appender.commit()
