"""The high-water mark in constructed interleavings: what holds it, what lets it go, what can't deceive it."""

from __future__ import annotations

import re
import subprocess

import psycopg
import pytest
from psycopg import sql

from tests import tools
from tests.feed_support import ANNOUNCEMENT, Crew, append, append_many, mark, read_all, until, value
from tests.fixtures import Connect, Connection, bindir

MARK, POSITION = "established_mark", "event_position"


def recorded_mark(connection: Connection) -> int:
    return int(value(connection, "select coalesce(pg_sequence_last_value('esdb.established_mark'::regclass), 0)"))


def forget_pause(connection: Connection) -> None:
    """End the pause after a dear scan, so that the next look at the mark is a scan."""
    connection.execute("select setval('esdb.mark_clock', 0)")


def positions(connection: Connection, after: int = 0, count: int = 1000) -> list[int]:
    return [event.position for event in read_all(connection, after, count)]


def assert_held_below(reader: Connection, position: int) -> None:
    forget_pause(reader)
    assert mark(reader) < position
    assert all(seen < position for seen in positions(reader))


def assert_reaches(reader: Connection, position: int) -> None:
    until(lambda: mark(reader) == position, f"the mark at {position}")


def test_an_open_append_holds_the_mark(db: Connection, connect: Connect) -> None:
    first = append(db, "s").position
    slow = connect(autocommit=False)
    held = append(slow, "slow").position
    last = append(db, "s").position
    assert_held_below(db, held)
    assert positions(db) == [first]
    slow.commit()
    assert_reaches(db, last)
    assert positions(db) == [first, held, last]


def test_a_rolled_back_savepoint_lets_the_mark_go(db: Connection, connect: Connect) -> None:
    slow = connect()
    slow.execute("begin")
    slow.execute("savepoint a")
    held = append(slow, "slow").position
    last = append(db, "s").position
    assert_held_below(db, held)
    slow.execute("rollback to savepoint a")
    assert_reaches(db, last)
    again = append(slow, "slow").position
    later = append(db, "s").position
    assert_held_below(db, again)
    slow.execute("commit")
    assert_reaches(db, later)
    assert positions(db) == [last, again, later]


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_what_was_announced_before_a_savepoint_outlives_it(db: Connection, connect: Connect, kept: int) -> None:
    slow = connect()
    slow.execute("begin")
    held = [append(slow, f"slow-{number}").position for number in range(kept)]
    for _ in range(3):
        append(db, "s")
        slow.execute("savepoint a")
        append(slow, "inner")
        append(slow, "inner")
        append(db, "s")
        slow.execute("rollback to savepoint a")
        assert_held_below(db, held[0])
    outer = append(slow, "inner").position
    last = append(db, "s").position
    assert_held_below(db, held[0])
    slow.execute("commit")
    assert_reaches(db, last)
    assert set(positions(db)) >= {*held, outer, last}


@pytest.mark.parametrize("word", ["commit", "rollback"])
def test_a_prepared_append_holds_the_mark_until_another_session_ends_it(
    db: Connection, connect: Connect, word: str
) -> None:
    slow = connect()
    slow.execute("begin")
    held = append(slow, "slow").position
    append(slow, "slow")
    gid = sql.Literal(f"{slow.info.dbname}-held")
    slow.execute(sql.SQL("prepare transaction {}").format(gid))
    slow.close()
    last = append(db, "s").position
    assert_held_below(db, held)
    db.execute(sql.SQL("{} prepared {}").format(sql.SQL(word), gid))
    assert_reaches(db, last)
    assert (held in positions(db)) == (word == "commit")


def test_a_stale_announcement_neither_lowers_the_mark_nor_skips(db: Connection, connect: Connect) -> None:
    seen = [result.position for result in append_many(db, "s", 5)]
    assert_reaches(db, seen[-1])
    stale = connect()
    stale.execute(f"select pg_advisory_lock_shared({ANNOUNCEMENT})", (seen[1],))
    later = append(db, "s").position
    assert_held_below(db, later)
    assert recorded_mark(db) == mark(db) == seen[-1]
    assert positions(db) == seen
    assert positions(db, seen[-1]) == []
    stale.execute("select pg_advisory_unlock_all()")
    assert_reaches(db, later)
    assert positions(db, seen[-1]) == [later]


@pytest.mark.parametrize("in_savepoints", [False, True], ids=["plain", "savepoints"])
def test_many_appends_of_one_transaction_hold_few_locks(db: Connection, in_savepoints: bool) -> None:
    with db.transaction():
        if in_savepoints:
            for number in range(200):
                with db.transaction():
                    append(db, f"s-{number}")
        else:
            db.execute(
                "select esdb.append_event('s-' || n, 'T', '{}', bounded_context => 'b', group_context => 'm')"
                " from generate_series(1, 2000) as n"
            )
        held = value(db, "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'")
    assert held <= 4


@pytest.mark.parametrize("scope", ["session", "local"])
def test_a_remembered_announcement_set_by_hand_never_skips(db: Connection, connect: Connect, scope: str) -> None:
    append_many(db, "s", 3)
    slow = connect()
    for text in (
        "999999999999999",
        "99999999999999999999",
        "-5",
        "0",
        "1",
        "rubbish",
        "",
        " 7",
        "7\n",
        "1e3",
        "\u0663",
    ):
        slow.execute("select set_config('esdb.announced', %s, false)", (text,))
        slow.execute("begin")
        slow.execute("select pg_current_xact_id()")
        if scope == "local":
            slow.execute("select set_config('esdb.announced', %s, true)", (text,))
        held = append(slow, "slow").position
        append(db, "s")
        slow.execute("select set_config('esdb.announced', %s, true)", (text,))
        append_many(slow, "slow", 2)
        last = append(db, "s").position
        assert_held_below(db, held)
        slow.execute("commit")
        assert_reaches(db, last)
        assert positions(db) == list(range(1, last + 1))


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
@pytest.mark.parametrize("query", ["select esdb.high_water_mark()", "select * from esdb.read_all()"])
def test_the_feed_is_refused_under_an_old_snapshot(
    db: Connection, connect: Connect, level: psycopg.IsolationLevel, query: str
) -> None:
    append(db, "s")
    reader = connect(autocommit=False)
    reader.isolation_level = level
    with pytest.raises(psycopg.DatabaseError) as caught:
        reader.execute(query)
    assert caught.value.sqlstate == "SE011"


@pytest.mark.parametrize("ahead", ["1 hour", "10 years"])
def test_a_clock_that_stepped_back_does_not_freeze_the_mark(db: Connection, ahead: str) -> None:
    first = append(db, "s").position
    assert_reaches(db, first)
    db.execute(
        "select setval('esdb.mark_clock', (date_part('epoch', clock_timestamp() + %s::interval) * 1000000)::bigint)",
        (ahead,),
    )
    last = append(db, "s").position
    assert mark(db) == last


def test_beside_many_locks_a_scan_serves_for_a_while(db: Connection, connect: Connect) -> None:
    first = append(db, "s").position
    assert_reaches(db, first)
    holder = connect(autocommit=False)
    holder.execute("select pg_advisory_xact_lock(77, n) from generate_series(1, 3000) as n")
    last = append(db, "s").position
    forget_pause(db)
    before = value(db, "select esdb._microseconds()")
    assert mark(db) == last
    after = value(db, "select esdb._microseconds()")
    pause_end = value(db, "select pg_sequence_last_value('esdb.mark_clock'::regclass)")
    assert before + 30_000 <= pause_end <= after + 100_000

    def is_paused() -> bool:
        unseen = append(db, "s").position
        db.execute("select setval('esdb.mark_clock', esdb._microseconds() + 100000)")
        return mark(db) < unseen

    until(is_paused, "a mark that is not looked for")


def test_pages_use_up_the_recorded_mark_before_another_scan(db: Connection) -> None:
    first = [result.position for result in append_many(db, "s", 100)]
    assert_reaches(db, first[-1])
    last = append_many(db, "s", 100)[-1].position
    forget_pause(db)
    for cursor in range(0, 90, 10):
        assert positions(db, cursor, 10) == first[cursor : cursor + 10]
        assert recorded_mark(db) == first[-1]
    assert positions(db, 95, 10) == list(range(96, 106))
    assert recorded_mark(db) == last


@pytest.mark.parametrize("count", [1, 3])
def test_a_gap_longer_than_a_page_does_not_stop_a_consumer(db: Connection, connect: Connect, count: int) -> None:
    cursor = append(db, "s").position
    undone = connect(autocommit=False)
    append_many(undone, "undone", count)
    undone.rollback()
    assert positions(db, cursor, count) == []
    last = append(db, "s").position
    forget_pause(db)
    assert positions(db, cursor, count) == [last]


@pytest.mark.parametrize("way", ["same session", "other session", "after a rollback"])
def test_a_short_page_up_to_a_mark_is_never_taken_for_all_of_it(db: Connection, connect: Connect, way: str) -> None:
    """Fewer events than asked for mean that a filtering consumer's cursor moves to the mark.

    A read-only transaction records no mark, and behind a transaction pooler two statements may be two sessions.
    """
    seen = [result.position for result in append_many(db, "s", 5)]
    finder = connect(autocommit=False)
    finder.read_only = True
    reached = mark(finder)
    assert reached == seen[-1]
    if way == "after a rollback":
        finder.rollback()
    else:
        finder.commit()
    reader = finder
    if way == "other session":
        reader = connect()
        reader.execute("set default_transaction_read_only = on")
    stale = connect()
    stale.execute(f"select pg_advisory_lock_shared({ANNOUNCEMENT})", (seen[1],))

    def page() -> list[int]:
        events = read_all(reader, 0, 10, event_types=["Happened"], up_to_position=reached)
        return [event.position for event in events]

    try:
        found = page()
    except psycopg.errors.SerializationFailure:
        reader.rollback()
        stale.execute("select pg_advisory_unlock_all()")
        forget_pause(db)
        found = page()
    assert found == seen


def test_the_newest_month_is_never_lowered(db: Connection, connect: Connect) -> None:
    """Two sessions raise it to months in turn: who is overtaken must not put his own, lower one in its place."""
    raise_months = """
        do $$
        declare _before bigint; _lowered integer := 0;
        begin
            for _number in 0..20000 loop
                _before := pg_sequence_last_value('esdb.newest_month'::regclass);
                perform esdb._raise_newest_month('2030-01-15 00:00+00'::timestamptz
                    + make_interval(months => 2 * _number + {offset}));
                if pg_sequence_last_value('esdb.newest_month'::regclass) < _before then
                    _lowered := _lowered + 1;
                end if;
                commit;
            end loop;
            insert into public.lowered values (_lowered);
        end $$
    """
    db.execute("create table public.lowered (count integer)")
    append(db, "s")
    crew = Crew()
    for offset in range(2):
        crew.start(lambda c, o: c.execute(raise_months.format(offset=o)), connect(), offset)
    crew.join()
    assert db.execute("select count from public.lowered").fetchall() == [(0,), (0,)]


def test_a_dump_reads_the_mark_before_the_positions(db: Connection, db_url: str) -> None:
    """Read later, the mark could be beyond the positions of the restored store, whose consumers would skip."""
    append(db, "s")
    assert mark(db) == recorded_mark(db) == 1
    pg_dump = tools.client("pg_dump", bindir())
    dump = subprocess.run(
        [pg_dump, "--data-only", "-n", "esdb", db_url], capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in re.findall(r"setval\('esdb\.(\w+)', \d+", dump) if name in {MARK, POSITION}] == [
        MARK,
        POSITION,
    ]
    made = "select array_agg(c.relname::text order by c.oid) from pg_class as c where c.relname in (%s, %s)"
    assert value(db, made, (MARK, POSITION)) == [MARK, POSITION]
