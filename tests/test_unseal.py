"""`esdb partitions unseal`: the month takes events again, what follows is chained anew, and the audit log knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from esdb_cli.exceptions import Immutable
from tests.databases import Databases, run_esdb
from tests.feed_clock import month_after, set_clock
from tests.feed_support import append, value
from tests.fixtures import Connect, Connection, Esdb
from tests.seal_support import PastMonth, assert_sound, chain

CONTEXTS = 9


@pytest.fixture
def past(db: Connection, connect: Connect) -> PastMonth:
    """A store whose first month is over, with events in it."""
    made = PastMonth(db, connect)
    for context in ("b", "n", "t"):
        made.fill(3, context)
    return made


def month_of(past: PastMonth) -> str:
    return f"{past.month:%Y-%m}"


def test_the_month_takes_events_again_and_is_sealed_anew(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.seal()
    before = chain(db)
    number = value(db, "select number from esdb.seals where bounded_context = 'n'")
    result = esdb("partitions", "unseal", "n", month_of(past), "--reason", "a late import", env=past.environment)
    assert result.returncode == 0, result.stderr
    assert result.stderr == f"{past.note_leaf} is open\n"
    after = chain(db)
    assert result.stdout == f"newest digest: {after[-1][1]} (number {CONTEXTS})\n"
    assert [kept for kept in after if kept[0] < number] == [kept for kept in before if kept[0] < number]
    assert {digest for _, digest in after}.isdisjoint(digest for place, digest in before if place >= number)
    assert [place for place, _ in after] == [place for place, _ in before if place != number]
    assert value(db, "select count(*) from esdb.seal_statistics where bounded_context = 'n'") == 0
    assert_sound(db)
    lowest = value(db, "select min(position) - 1 from esdb.events where bounded_context = 'n'")
    assert db.execute("select month, position from esdb.seal_frontier").fetchone() == (past.month, lowest)
    (audited,) = db.execute(
        "select subject, principal, details from esdb.audit_trail where action = 'unseal'"
    ).fetchall()
    assert audited[:2] == (past.note_leaf, "postgres")
    assert audited[2]["reason"] == "a late import"
    assert audited[2]["number"] == number
    assert audited[2]["digests_before"] == {str(place): digest for place, digest in before if place >= number}
    assert (audited[2]["newest_number"], audited[2]["newest_digest"]) == after[-1]

    append(past.writer, "n-stream", bounded_context="n")
    assert past.seal() == [past.note_leaf]
    assert chain(db)[-1][0] == CONTEXTS + 1
    assert value(db, "select event_count from esdb.seals where bounded_context = 'n'") == 4
    assert_sound(db)


def test_the_newest_seal_taken_back_gets_a_new_number(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.seal()
    unsealed = esdb("partitions", "unseal", "t", month_of(past), "--reason", "because", env=past.environment)
    assert unsealed.returncode == 0, unsealed.stderr
    past.seal()
    assert chain(db)[-1][0] == CONTEXTS + 1
    assert_sound(db)


def test_a_leaf_closed_by_a_run_that_did_not_end_is_opened(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    db.execute(f"create trigger events_are_sealed before insert on esdb.{past.leaf}"
               " for each row execute function esdb._refuse_sealed()")  # fmt: skip
    db.execute(f"alter table esdb.{past.leaf} enable always trigger events_are_sealed")
    assert esdb("partitions", "unseal", "b", month_of(past), "--reason", "import").returncode == 0
    append(past.writer, "b-stream")
    assert value(db, "select details ->> 'number' is null from esdb.audit_trail where action = 'unseal'")
    past.seal()
    assert_sound(db)


def test_a_dry_run_prints_what_is_done(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.seal()
    result = esdb("partitions", "unseal", "b", month_of(past), "--reason", "it's \\ wrong", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert len(chain(db)) == CONTEXTS
    db.execute(sql.SQL(result.stdout))
    assert len(chain(db)) == CONTEXTS - 1
    assert value(db, "select details ->> 'reason' from esdb.audit_trail where action = 'unseal'") == "it's \\ wrong"
    append(past.writer, "b-stream")
    assert_sound(db)


def test_what_cannot_be_unsealed_is_refused_and_nothing_changes(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.seal()
    later = month_after(past.month)
    before = chain(db), value(db, "select count(*) from esdb.audit_log")

    def refused(*arguments: str) -> str:
        result = esdb("partitions", "unseal", *arguments, env=past.environment)
        assert result.returncode in {1, 2}, result.stdout
        assert (chain(db), value(db, "select count(*) from esdb.audit_log")) == before
        return result.stderr

    month = month_of(past)
    assert "is sealed" in refused("b", f"{later:%Y-%m}", "--reason", "not sealed")
    assert "is sealed" in refused("b", "2199-01", "--reason", "the overflow")
    assert "is sealed" in refused("b", "1999-01", "--reason", "no partition")
    assert "SE005" in refused("zz", month, "--reason", "no context")
    assert "reason" in refused("b", month, "--reason", " ")
    assert "--reason" in refused("b", month)
    assert "MONTH" in refused("b", "October", "--reason", "x")
    assert "MONTH" in refused("b", "2026-13", "--reason", "x")
    db.execute(
        "insert into esdb.archives values ('b', %s, %s, '/somewhere', 'archiving', false)", (past.month, past.leaf)
    )
    assert "is archived in /somewhere" in refused("b", month, "--reason", "archived")
    db.execute("delete from esdb.archives")
    db.execute("update esdb.seals set sealed_by = 'nobody' where number = 3")
    assert "seal number 3 was altered" in refused("b", month, "--reason", "to hide it")


def test_an_unseal_waits_for_readers_and_gives_up(
    db: Connection, past: PastMonth, connect: Connect, esdb: Esdb
) -> None:
    past.seal()
    reader = connect(autocommit=False)
    reader.execute(f"select from esdb.{past.leaf}")
    arguments = ("partitions", "unseal", "b", month_of(past), "--reason", "held")
    result = esdb(*arguments, "--wait", "0")
    assert result.returncode == 4, result.stderr
    assert len(chain(db)) == CONTEXTS
    reader.commit()
    assert esdb(*arguments).returncode == 0
    assert len(chain(db)) == CONTEXTS - 1


def test_two_months_and_one_context_unsealed_out_of_order(db: Connection, past: PastMonth, esdb: Esdb) -> None:
    past.seal()
    append(past.present, "b-stream")
    set_clock(past.present, month_after(past.now) + timedelta(days=3))
    past.seal()
    for context in ("b", "n"):
        arguments: list[Any] = ["partitions", "unseal", context, month_of(past), "--reason", "again"]
        assert esdb(*arguments).returncode == 0
        assert_sound(db)
    past.seal()
    assert_sound(db)
    assert len(chain(db)) == 2 * CONTEXTS


@pytest.mark.parametrize("statement", ["update {} set action = 'x'", "delete from {}", "truncate {}"])
@pytest.mark.parametrize("replica", [False, True])
def test_the_audit_log_only_grows(db: Connection, past: PastMonth, statement: str, replica: bool) -> None:
    past.seal()
    if replica:
        db.execute("set session_replication_role = replica")
    with pytest.raises(Immutable):
        db.execute(statement.format("esdb.audit_log"))


@pytest.mark.usefixtures("db_url")  # it makes the roles
def test_an_owner_who_is_no_superuser_seals_unseals_and_verifies(databases: Databases, empty_db: Connection) -> None:
    name = empty_db.info.dbname
    empty_db.execute(sql.SQL("create role {0} login; grant create on database {0} to {0}").format(sql.Identifier(name)))
    url = databases.server.url(name, user=name)

    def succeeds(*arguments: str) -> str:
        result = run_esdb(*arguments, url=url)
        assert result.returncode == 0, result.stderr
        return result.stdout

    try:
        for arguments in ("migrate", "partitions create-next", "settings set seal_after 0", "partitions seal"):
            succeeds(*arguments.split())
        month = value(empty_db, "select to_char(min(lower_bound) at time zone 'UTC', 'YYYY-MM') from esdb.seals")
        succeeds("partitions", "unseal", "b", month, "--reason", "as the owner")
        succeeds("maintain")
        assert succeeds("verify", "--events") == "ok\n"
        principals = empty_db.execute("select distinct principal from esdb.audit_log").fetchall()
        assert principals == [(name,)]
    finally:
        drop = sql.SQL("reassign owned by {0} to current_user; drop owned by {0}; drop role {0}")
        empty_db.execute(drop.format(sql.Identifier(name)))
