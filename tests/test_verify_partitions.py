"""`esdb verify` names what is wrong in the tree of partitions."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from esdb_cli.verification import faults
from tests.databases import Databases
from tests.fixtures import Connection, Esdb

NO_TABLE = "bounded context b: its table esdb.events_bookmark is missing: run esdb partitions create-next"
NO_OVERFLOW = "bounded context b: no overflow partition (to MAXVALUE), appends after the last month fail"
NOT_ATTACHED = "bounded context b: its table esdb.events_bookmark is not attached to esdb.events for its code"
SUPPRESS = "for each row execute function pg_catalog.suppress_redundant_updates_trigger()"
REFUSE = "for each statement execute function esdb._refuse_change()"

DAMAGES = {
    "index on event types": ("drop index {leaf}_event_type", ["partition {leaf}: no index on (event_type, position)"]),
    "context's table dropped": ("drop table esdb.events_bookmark", [NO_TABLE]),
    "context without a table yet": (
        """alter domain esdb.bounded_context_code drop constraint bounded_context_code_known;
           insert into esdb.bounded_contexts values ('x', 'extra');
           alter domain esdb.bounded_context_code add constraint bounded_context_code_known
           check (value in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e', 'x')) not valid""",
        ["bounded context x: its table esdb.events_extra is missing: run esdb partitions create-next"],
    ),
    "context detached": (
        "alter table esdb.events detach partition esdb.events_bookmark",
        [NOT_ATTACHED, "table esdb.events_bookmark: not attached to esdb.events"],
    ),
    "context attached for another code": (
        """drop table esdb.events_note;
           alter table esdb.events detach partition esdb.events_bookmark;
           alter table esdb.events attach partition esdb.events_bookmark for values in ('n')""",
        [
            NOT_ATTACHED,
            "bounded context n: its table esdb.events_note is missing: run esdb partitions create-next",
        ],
    ),
    "overflow dropped": (
        "drop table esdb.events_bookmark_overflow",
        [f"{NO_OVERFLOW}: run esdb partitions create-next"],
    ),
    "overflow detached": (
        "alter table esdb.events_bookmark detach partition esdb.events_bookmark_overflow",
        [NO_OVERFLOW, "table esdb.events_bookmark_overflow: not attached to esdb.events"],
    ),
    "overflow is a default partition": (
        """alter table esdb.events_bookmark detach partition esdb.events_bookmark_overflow;
           alter table esdb.events_bookmark attach partition esdb.events_bookmark_overflow default""",
        [NO_OVERFLOW],
    ),
    "month detached": (
        "alter table esdb.events_bookmark detach partition {leaf}",
        ["table {leaf}: not attached to esdb.events"],
    ),
    "table named as a partition": (
        "create table esdb.events_old (id text primary key check (id <> ''))",
        ["table esdb.events_old: not attached to esdb.events"],
    ),
    "trigger on a leaf": (
        f"create trigger meddle before update on {{leaf}} {SUPPRESS}",
        ["partition {leaf}: trigger meddle: not made by a migration"],
    ),
    "trigger on a context": (
        f"create trigger meddle before update on esdb.events_bookmark {SUPPRESS}",
        ["partition esdb.events_bookmark: trigger meddle: not made by a migration"],
    ),
    "trigger on events": (
        f"create trigger meddle before update on esdb.events {SUPPRESS}",
        ["trigger meddle on esdb.events: not made by a migration"],
    ),
    "trigger that refuses appends": (
        f"create trigger meddle before insert on {{leaf}} {REFUSE}",
        ["partition {leaf}: trigger meddle: not made by a migration"],
    ),
    "check on a leaf": (
        "alter table {leaf} add constraint small check (version < 10)",
        ["partition {leaf}: constraint small: not made by a migration"],
    ),
    "check on a context": (
        "alter table esdb.events_bookmark add constraint small check (version < 10)",
        ["partition esdb.events_bookmark: constraint small: not made by a migration"],
    ),
    "check on events": (
        "alter table esdb.events add constraint small check (version < 10)",
        ["constraint esdb.events.small: not made by a migration"],
    ),
    "foreign key on a leaf": (
        "alter table {leaf} add constraint known foreign key (aggregate_id) references esdb.streams",
        ["partition {leaf}: constraint known: not made by a migration"],
    ),
    "NOT NULL": (
        "alter table {leaf} alter column metadata set not null",
        ["partition {leaf}: column metadata differs from that of esdb.events: NOT NULL"],
    ),
    "default": (
        "alter table {leaf} alter column schema_version set default 2",
        ["partition {leaf}: column schema_version differs from that of esdb.events: default"],
    ),
    "default dropped": (
        "alter table {leaf} alter column recorded_by drop default",
        ["partition {leaf}: column recorded_by differs from that of esdb.events: default"],
    ),
    "row security": (
        "alter table {leaf} enable row level security",
        ["partition {leaf}: row security is enabled"],
    ),
    "row security forced": (
        "alter table esdb.events_bookmark force row level security",
        ["partition esdb.events_bookmark: row security is forced"],
    ),
    "rule": (
        "create rule lost as on insert to {leaf} do instead nothing",
        ["partition {leaf}: rule lost: not made by a migration"],
    ),
}


def lines(connection: Connection) -> list[str]:
    return [f"{fault['kind']} {fault['name']}: {fault['fault']}" for fault in faults(connection)]


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Connection]:
    """A connection to a sound store; each test undoes what it breaks."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        assert lines(connection) == []
        yield connection
    databases.drop(url)


@pytest.mark.parametrize(("damage", "expected"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named_and_nothing_else(store: Connection, damage: str, expected: list[str]) -> None:
    row = store.execute("""
        select min(partition) from esdb.partitions where kind = 'month' and context_name = 'bookmark'
    """).fetchone()
    assert row is not None
    leaf = f"esdb.{row[0]}"
    with store.transaction(force_rollback=True):
        store.execute(damage.format(leaf=leaf))
        assert lines(store) == [line.format(leaf=leaf) for line in expected]


def test_a_column_that_no_ddl_alters_is_named(store: Connection) -> None:
    # the server then refuses whatever reads esdb.events, so only this check can be asked
    with store.transaction(force_rollback=True):
        store.execute("""
            update pg_attribute
            set atttypmod = 24, attnotnull = false
            where attrelid = 'esdb.events_note_overflow'::regclass and attname = 'action_type'
        """)
        assert store.execute("select name, fault from esdb_meta.partition_faults()").fetchall() == [
            ("esdb.events_note_overflow", "column action_type differs from that of esdb.events: NOT NULL, type")
        ]


def test_partitions_made_later_are_no_fault(db: Connection, esdb: Esdb) -> None:
    assert esdb("partitions", "create-next", "--months", "5").returncode == 0
    assert lines(db) == []


def test_the_bound_that_a_killed_run_left_is_named_and_mended(db: Connection, esdb: Esdb) -> None:
    db.execute("""
        alter table esdb.events_bookmark_overflow
            add constraint spans_until_2099_01 check (timestamp < '2099-01-01 00:00:00+00') not valid
    """)
    (line,) = lines(db)
    assert line == (
        "partition esdb.events_bookmark_overflow: an unfinished bound, appends fail from 2099-01-01 on:"
        " run esdb partitions create-next"
    )
    assert esdb("partitions", "create-next").returncode == 0
    assert lines(db) == []


@pytest.mark.parametrize("name", ["spans_until_soon", "spans_until_2099_1", "spans_until_", "only_bookmarks"])
def test_another_constraint_on_an_overflow_is_a_fault(db: Connection, name: str) -> None:
    db.execute(
        sql.SQL("alter table esdb.events_bookmark_overflow add constraint {} check (version > 0)").format(
            sql.Identifier(name)
        )
    )
    assert lines(db) == [f"partition esdb.events_bookmark_overflow: constraint {name}: not made by a migration"]


def test_create_next_mends_a_missing_context(db: Connection, esdb: Esdb) -> None:
    db.execute("drop table esdb.events_bookmark")
    assert lines(db) == [NO_TABLE]
    assert esdb("partitions", "create-next").returncode == 0
    assert lines(db) == []
