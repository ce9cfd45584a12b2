"""Subscriptions whose next events are archived: who can go on does, and who cannot is told."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, set_clock
from tests.feed_seals import leaves, restore, seal, set_archived
from tests.feed_support import append, mark, until
from tests.fixtures import Connect, Connection


@pytest.fixture
def months(db: Connection, connect: Connect) -> None:
    """Make two sealed months of streams s0 to s3, positions 1 to 4 and 5 to 8, and 9 to 12 in the current one."""
    end = first_leaf_month(db)
    first = month_after(end, -2)
    make_months(db, "bookmark", first, 2)
    with Clock(connect).connect(first) as writer:
        for number in range(3):
            set_clock(writer, month_after(first, number) + timedelta(days=3))
            for stream in range(4):
                append(writer, f"s{stream}")
    until(lambda: mark(db) == 12, "the mark")
    seal(db, *(leaf for leaf in leaves(db, "b") if leaf.upper <= end))


def archive(db: Connection, number: int) -> None:
    """Let a month be archived."""
    set_archived(db, leaves(db, "b")[number], "archived")


def claimed(db: Connection, subscription: str, max_count: int = 100) -> tuple[int, list[int]]:
    """Claim for a worker; give the token, and the positions."""
    rows = db.execute(
        "select token, position from esdb.claim_events(%s, 'w', %s)", (subscription, max_count)
    ).fetchall()
    return (rows[0][0] if rows else 0), [position for _, position in rows]


def refused(db: Connection, subscription: str) -> psycopg.errors.Diagnostic:
    """Claim what must be refused with SE013, and give the error."""
    with pytest.raises(psycopg.DatabaseError) as refusal:
        claimed(db, subscription)
    assert refusal.value.sqlstate == "SE013"
    return refusal.value.diag


@pytest.mark.usefixtures("months")
def test_what_lies_before_an_archive_is_delivered_first(db: Connection) -> None:
    db.execute("select esdb.create_subscription('all')")
    archive(db, 1)
    token, positions = claimed(db, "all")
    assert positions == [1, 2, 3, 4]
    db.execute("select esdb.ack('all', %s, 4)", (token,))
    diag = refused(db, "all")
    assert '"min_position": 5' in (diag.message_detail or "")
    assert "esdb partitions restore" in (diag.message_hint or "")
    restore(db, leaves(db, "b")[1])
    assert claimed(db, "all")[1] == list(range(5, 13))


@pytest.mark.usefixtures("months")
def test_others_go_on_beside_a_partition_that_needs_an_archive(db: Connection, connect: Connect) -> None:
    # s0 and s1 are in the first, s2 and s3 in the other
    db.execute("select esdb.create_subscription('all', partitions => 2)")
    other = connect(autocommit=False)
    assert claimed(other, "all")[1] == [1, 2, 5, 6, 9, 10]  # and as long as this is open, nobody gets them
    token, positions = claimed(db, "all")
    assert positions == [3, 4, 7, 8, 11, 12]
    db.execute("select esdb.ack('all', %s, 12)", (token,))
    other.rollback()

    archive(db, 0)
    for stream in range(4):
        append(db, f"s{stream}")
    until(lambda: mark(db) == 16, "the mark")
    token, positions = claimed(db, "all")
    assert positions == [15, 16]
    refused(db, "all")
    db.execute("select esdb.ack('all', %s, 16)", (token,))
    refused(db, "all")
    # the refusals have left nothing behind: it goes on when the month is back
    restore(db, leaves(db, "b")[0])
    assert claimed(db, "all")[1] == [1, 2, 5, 6, 9, 10, 13, 14]


@pytest.mark.usefixtures("months")
def test_others_go_on_beside_a_parked_event_that_is_archived(db: Connection) -> None:
    db.execute("select esdb.create_subscription('all', partitions => 2, max_attempts => 1)")
    for positions, failed in (
        ([1, 2, 5, 6, 9, 10], 1),
        ([3, 4, 7, 8, 11, 12], None),
        ([2, 5, 6, 9, 10], 5),
        ([6, 9, 10], None),
    ):
        token, given = claimed(db, "all")
        assert given == positions
        if failed:
            db.execute("select esdb.nack('all', %s, %s, 'no')", (token, failed))
        else:
            db.execute("select esdb.ack('all', %s, %s)", (token, given[-1]))
    db.execute("select esdb.replay_parked('all')")
    archive(db, 1)
    append(db, "s2")
    until(lambda: mark(db) == 13, "the mark")
    # nothing of 1, which could be delivered, but 5 could not be, under the same token
    assert claimed(db, "all")[1] == [13]
    refused(db, "all")
    restore(db, leaves(db, "b")[1])
    assert claimed(db, "all")[1] == [1, 5]
