"""`esdb verify --events`: what was altered after it was sealed is found and named, also when it was sealed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from esdb_cli.data_checks import Found
from esdb_cli.seal import unseal
from esdb_cli.seal_checks import SealChecks
from esdb_cli.verification import faults
from tests.databases import Databases
from tests.feed_support import append, append_many
from tests.fixtures import Connect, Connection, Esdb
from tests.seal_support import PastMonth, chain


def lines(connection: Connection, expected: str | None = None) -> list[str]:
    """Give the faults of what is sealed as `esdb verify --events` prints them."""
    found = Found()
    checks = SealChecks(connection, found, bytes.fromhex(expected) if expected else None)
    assert sum(checks.run()) == checks.size or found.faults
    return [f"{fault['kind']} {fault['name']}: {fault['fault']}" for fault in found.faults]


@pytest.fixture(scope="module")
def sealed(databases: Databases) -> Iterator[PastMonth]:
    """A store of two sealed months with events; what a test breaks is rolled back."""
    url = databases.migrated()
    opened = []

    def connect() -> Connection:
        opened.append(psycopg.connect(url, autocommit=True))
        return opened[-1]

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        past = PastMonth(connection, connect)
        append_many(past.writer, "s", 1200)
        append(past.writer, "s", event_type="Made", group_context="c")
        append_many(past.writer, "note", 2, bounded_context="n")
        past.seal()
        append(past.present, "later", bounded_context="n")
        assert lines(connection) == []
        yield past
    for each in opened:
        each.close()
    databases.drop(url)


TAMPERED = "seal esdb.{leaf}: its events are not those sealed as number 1: "
DAMAGES = {
    "a byte of a payload": (
        "update esdb.{leaf} set payload = '{{\"number\": 8}}' where version = 7",
        [TAMPERED + "their digest is another"],
    ),
    "who recorded it": (
        "update esdb.{leaf} set recorded_by = 'nobody' where version = 1200",
        [TAMPERED + "their digest is another"],
    ),
    "two events swap their ids": (
        (
            "update esdb.{leaf} set id = 'x' where version = 3;"
            "update esdb.{leaf} set id = (select id from esdb.{leaf} where version = 4) || 'y' where version = 3"
        ),
        [TAMPERED + "their digest is another"],
    ),
    "an event is missing": (
        "delete from esdb.{leaf} where version = 7",
        [
            TAMPERED + "there are 1200, sealed were 1201",
            (
                "seal esdb.{leaf}: of group m and type Happened it holds 1199 events from * to *,"
                " by its seal's statistics 1200 from * to *"
            ),
        ],
    ),
    "the last event is missing": (
        "delete from esdb.{leaf} where version = 1201",
        [
            TAMPERED + "there are 1200, sealed were 1201",
            "seal esdb.{leaf}: its positions are 1 to 1200, by its seal 1 to 1201",
            "seal esdb.{leaf}: of group c and type Made it holds none, by its seal's statistics 1 from * to *",
        ],
    ),
    "an additional event": (
        (
            "alter table esdb.{leaf} disable trigger events_are_sealed; insert into esdb.{leaf} select"
            ' (jsonb_populate_record(e, \'{{"id": "new", "version": 1202, "position": 5000}}\')).*'
            " from esdb.{leaf} as e where version = 1201;"
            " alter table esdb.{leaf} enable always trigger events_are_sealed"
        ),
        [
            TAMPERED + "there are 1202, sealed were 1201",
            "seal esdb.{leaf}: its positions are 1 to 5000, by its seal 1 to 1201",
            (
                "seal esdb.{leaf}: of group c and type Made it holds 2 events from * to *,"
                " by its seal's statistics 1 from * to *"
            ),
        ],
    ),
    "all events are missing": (
        "delete from esdb.{note_leaf}",
        [
            "seal esdb.{note_leaf}: its events are not those sealed as number 4: there are 0, sealed were 2",
            "seal esdb.{note_leaf}: its positions are none, by its seal 1202 to 1203",
            "seal esdb.{note_leaf}: of group m and type Happened it holds none, by its seal's statistics 2 from * to *",
        ],
    ),
    "a seal's count": (
        "update esdb.seals set event_count = 1200 where number = 1",
        [TAMPERED + "there are 1201, sealed were 1200", "{broken}"],
    ),
    "a seal's positions": (
        "update esdb.seals set max_position = 1300 where number = 1",
        ["seal esdb.{leaf}: its positions are 1 to 1201, by its seal 1 to 1300", "{broken}"],
    ),
    "a seal's digest of the events": (
        "update esdb.seals set events_digest = sha256('') where number = 1",
        [TAMPERED + "their digest is another", "{broken}"],
    ),
    "who sealed": ("update esdb.seals set sealed_by = 'nobody' where number = 1", ["{broken}"]),
    "when it was sealed": ("update esdb.seals set sealed_at = now() where number = 1", ["{broken}"]),
    "statistics of a seal": (
        "update esdb.seal_statistics set event_count = 5 where event_type = 'Made'",
        [
            (
                "seal esdb.{leaf}: of group c and type Made it holds 1 events from * to *,"
                " by its seal's statistics 5 from * to *"
            ),
            "{broken}",
        ],
    ),
    "a seal is missing": (
        "delete from esdb.seals where number = 2",
        [
            "seal esdb.{e_leaf}: number 3 was altered, or the one before: its digest does not follow from them",
            (
                "seal frontier esdb.seal_frontier: stands at *, but events_c_y* is not sealed and begins at *:"
                " readers would pass it over"
            ),
        ],
    ),
    "a leaf is missing": (
        "drop table esdb.{note_leaf}",
        [
            (
                "seal esdb.{note_leaf}: number 4 is of a partition from * to *, which is neither attached to"
                " esdb.events nor archived"
            )
        ],
    ),
    "the frontier's month": (
        "update esdb.seal_frontier set month = month + interval '1 day'",
        [
            (
                "seal frontier esdb.seal_frontier: stands at *, but events_* is not sealed and begins at *:"
                " readers would pass it over"
            )
        ]
        * 9,
    ),
    "the frontier's position": (
        "update esdb.seal_frontier set position = 1204",
        [
            (
                "seal frontier esdb.seal_frontier: stands at position 1204, but events_note_y* is not sealed and holds"
                " position 1204: readers would pass it over"
            )
        ],
    ),
    "the frontier": ("delete from esdb.seal_frontier", ["seal frontier esdb.seal_frontier: its row is missing"]),
}


def matches(line: str, pattern: str) -> bool:
    """Tell whether a line is as a pattern says, whose * stands for times and months."""
    first, *rest = pattern.split("*")
    if not line.startswith(first):
        return False
    at = len(first)
    for part in rest:
        at = line.find(part, at) + len(part) if part else len(line)
        if at < len(part):
            return False
    return at == len(line)


@pytest.mark.parametrize(("damage", "patterns"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(sealed: PastMonth, damage: str, patterns: list[str]) -> None:
    names = {"leaf": sealed.leaf, "note_leaf": sealed.note_leaf, "e_leaf": sealed.leaf.replace("bookmark", "e")}
    broken = f"seal esdb.{sealed.leaf}: number 1 was altered, or the one before: its digest does not follow from them"
    with sealed.connection.transaction(force_rollback=True):
        for leaf in (sealed.leaf, sealed.note_leaf):
            sealed.connection.execute(f"alter table esdb.{leaf} disable trigger events_are_immutable")
        sealed.connection.execute(damage.format(**names))
        found = lines(sealed.connection)
        wanted = [pattern.format(**names, broken=broken) for pattern in patterns]
        assert len(found) == len(wanted), found
        for line in found:
            assert any(matches(line, pattern) for pattern in wanted), line
    assert lines(sealed.connection) == []


BARRIERS = {
    "disabled": (
        "alter table esdb.{leaf} disable trigger events_are_sealed",
        "sealed, but no trigger that refuses events, or not ENABLE ALWAYS",
    ),
    "only for the origin": (
        "alter table esdb.{leaf} enable trigger events_are_sealed",
        "sealed, but no trigger that refuses events, or not ENABLE ALWAYS",
    ),
    "missing": (
        "drop trigger events_are_sealed on esdb.{leaf}",
        "sealed, but no trigger that refuses events, or not ENABLE ALWAYS",
    ),
    "conditional": (
        (
            "create or replace trigger events_are_sealed before insert on esdb.{leaf} for each row"
            " when (new.version > 5) execute function esdb._refuse_sealed()"
        ),
        "sealed, but no trigger that refuses events, or not ENABLE ALWAYS",
    ),
    "without a seal": (
        "delete from esdb.seals where bounded_context = 'b'",
        "takes no events and is not sealed: sealing was not finished, run esdb partitions seal",
    ),
    "disabled and without a seal": (
        (
            "delete from esdb.seals where bounded_context = 'b';"
            "alter table esdb.{leaf} disable trigger events_are_sealed"
        ),
        "trigger events_are_sealed is altered, and the partition is not sealed",
    ),
    "on the overflow": (
        (
            "create trigger events_are_sealed before insert on esdb.events_bookmark_overflow"
            " for each row execute function esdb._refuse_sealed()"
        ),
        None,
    ),
    "by another name": (
        "create trigger mine before insert on esdb.{leaf} for each row execute function esdb._refuse_sealed()",
        "trigger mine: not made by a migration",
    ),
}


@pytest.mark.parametrize(("damage", "fault"), BARRIERS.values(), ids=BARRIERS.keys())
def test_a_barrier_that_is_not_as_it_must_be_is_named(sealed: PastMonth, damage: str, fault: str | None) -> None:
    connection = sealed.connection
    with connection.transaction(force_rollback=True):
        connection.execute(damage.format(leaf=sealed.leaf))
        found = [row for row in faults(connection) if row["kind"] == "partition"]
        if fault is None:
            assert [row["name"] for row in found] == ["esdb.events_bookmark_overflow"]
        else:
            assert [(row["name"], row["fault"]) for row in found] == [(f"esdb.{sealed.leaf}", fault)]


def test_every_digest_of_the_chain_is_expected_and_no_other(sealed: PastMonth) -> None:
    for _, digest in chain(sealed.connection):
        assert lines(sealed.connection, digest) == []
    (line,) = lines(sealed.connection, "ab" * 32)
    assert line == (
        f"expected digest {'ab' * 32}: not in the chain of seals:"
        " what was sealed then was rewritten since, or the digest is of another store"
    )


def test_the_command_tells_and_its_exit_code_says(db: Connection, connect: Connect, esdb: Esdb) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.right_clock()
    printed = esdb("partitions", "seal").stdout.split("newest digest: ")[1].split()[0]
    for digest in (printed, printed.upper(), f" {printed}\n", chain(db)[0][1]):
        assert esdb("verify", "--events", "--expect", digest).stdout == "ok\n"
    for bad in ("", "abc", printed + "0", "g" * 64, f"\\x{printed}"):
        refused = esdb("verify", "--events", "--expect", bad)
        assert (refused.returncode, refused.stdout) == (2, ""), bad
    assert esdb("verify", "--expect", printed).returncode == 2
    assert esdb("verify", "--events", "--schema-only").returncode == 2
    db.execute(f"alter table esdb.{past.leaf} disable trigger events_are_immutable")
    db.execute(f"update esdb.{past.leaf} set payload = '{{}}' where version = 2")
    db.execute(f"alter table esdb.{past.leaf} enable always trigger events_are_immutable")
    result = esdb("verify", "--events", "--json")
    assert result.returncode == 3
    fault = "its events are not those sealed as number 1: their digest is another"
    assert json.loads(result.stdout)["faults"] == [{"kind": "seal", "name": f"esdb.{past.leaf}", "fault": fault}]
    assert esdb("verify").stdout == "ok\n"


def test_an_owner_who_rewrites_and_seals_again_is_exposed_by_a_digest_kept_outside(
    db: Connection, connect: Connect, esdb: Esdb
) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.right_clock()
    kept = esdb("partitions", "seal").stdout.split("newest digest: ")[1].split()[0]
    # all in their power: the trigger off, the payload rewritten, every trace of the first sealing removed
    db.execute(
        f"alter table esdb.{past.leaf} disable trigger events_are_immutable;"
        f"update esdb.{past.leaf} set payload = '{{\"number\": 99}}' where version = 2;"
        f"alter table esdb.{past.leaf} enable always trigger events_are_immutable;"
        f"drop trigger events_are_sealed on esdb.{past.leaf};"
        "create table seals_before as select * from esdb.seals; delete from esdb.seals;"
        "alter table esdb.seals alter column number restart;"
        "alter table esdb.audit_log disable trigger audit_rows_are_immutable; delete from esdb.audit_log;"
        "alter table esdb.audit_log enable always trigger audit_rows_are_immutable"
    )
    assert esdb("partitions", "seal").returncode == 0
    db.execute(
        "update esdb.seals as s set sealed_at = b.sealed_at from seals_before as b where b.number = s.number;"
        "select esdb._chain_seals(1); drop table seals_before"
    )
    assert esdb("verify", "--events").stdout == "ok\n"
    exposed = esdb("verify", "--events", "--expect", kept)
    assert exposed.returncode == 3
    assert exposed.stdout == (
        f"expected digest {kept}: not in the chain of seals:"
        " what was sealed then was rewritten since, or the digest is of another store\n"
    )


def test_a_digest_that_an_unseal_replaced_is_told_so(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.seal()
    kept = chain(db)[-1][1]
    unseal(past.present, "b", past.inside - timedelta(days=1), "a late import")
    (line,) = lines(db, kept)
    assert line.startswith(
        f"expected digest {kept}: not in the chain of seals: chained anew when {past.leaf} was unsealed"
    )
    past.seal()
    assert len(lines(db, kept)) == 1
    assert lines(db, chain(db)[-1][1]) == []


def test_a_leaf_unsealed_while_it_is_read_is_no_fault(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.seal()
    found = Found()
    checks = SealChecks(db, found).run()
    unseal(past.present, "b", past.month, "while it is checked")
    past.fill(2)
    assert list(checks)
    assert found.faults == []
    past.seal()
    assert lines(db) == []


def test_a_leaf_dropped_since_the_snapshot_is_no_fault(db: Connection, connect: Connect) -> None:
    past = PastMonth(db, connect)
    past.fill()
    past.seal()
    db.execute("insert into esdb.archives values ('b', %s, %s, '/a', 'detaching', false)", (past.month, past.leaf))
    with connect(autocommit=False) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select")
        db.execute(f"alter table esdb.events_bookmark detach partition esdb.{past.leaf}")
        db.execute(f"drop table esdb.{past.leaf}")
        assert old.execute("select * from esdb_meta.seal_faults()").fetchall() == []
        old.rollback()


def test_a_maintainer_may_verify_what_is_sealed_and_read_the_audit_trail(sealed: PastMonth) -> None:
    connection = sealed.connection
    with connection.transaction(force_rollback=True):
        connection.execute("set local role esdb_maintainer")
        assert lines(connection, "ab" * 32) != []
        first = "select subject from esdb.audit_trail where action = 'seal' order by number limit 1"
        assert connection.execute(first).fetchone() == (sealed.leaf,)
