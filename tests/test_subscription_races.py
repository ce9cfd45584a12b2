"""Subscriptions that are dropped, made anew and reset beside each other, and beside claims."""

from __future__ import annotations

import psycopg
import pytest

from tests.feed_support import Crew, append, until, value, waits_for_a_lock
from tests.fixtures import Connect, Connection

HELD_UP = b"""
create or replace function esdb.high_water_mark() returns bigint language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(1);
    return esdb._find_mark();
end
$$
"""
"""Lets a claim wait, where it looks for the mark, for whoever has the lock 1."""


def test_a_claim_goes_by_the_definition_of_what_it_has_locked(db: Connection, connect: Connect) -> None:
    for stream in range(4):  # of two partitions s0 and s1 are in the first, s2 and s3 in the other
        append(db, f"s{stream}")
    db.execute("select esdb.create_subscription('all')")
    db.execute(HELD_UP)
    worker, claims = connect(), []
    db.execute("select pg_advisory_lock(1)")
    crew = Crew()
    crew.start(lambda: claims.extend(worker.execute("select position from esdb.claim_events('all', 'w')").fetchall()))
    until(lambda: waits_for_a_lock(db, worker.info.backend_pid), "the claim")
    db.execute("select esdb.drop_subscription('all')")
    db.execute("select esdb.create_subscription('all', partitions => 2)")
    db.execute("select pg_advisory_unlock(1)")
    crew.join()
    assert claims == [(1,), (2,)]


@pytest.mark.parametrize(
    "change", ["reset_subscription('all')", "drop_subscription('all')", "replay_parked('all')", "discard_parked('all')"]
)
def test_what_was_dropped_meanwhile_is_not_found(db: Connection, connect: Connect, change: str) -> None:
    db.execute("select esdb.create_subscription('all')")
    first, second, refusals = connect(autocommit=False), connect(), []
    first.execute("select esdb.drop_subscription('all')")

    def make_the_change() -> None:
        with pytest.raises(psycopg.DatabaseError) as refusal:
            second.execute(f"select esdb.{change}".encode())
        refusals.append(refusal.value.sqlstate)

    crew = Crew()
    crew.start(make_the_change)
    until(lambda: waits_for_a_lock(db, second.info.backend_pid), "the other")
    first.commit()
    crew.join()
    assert refusals == ["SE020"]
    assert value(db, "select count(*) from esdb.audit_trail where action = 'reset subscription'") == 0
