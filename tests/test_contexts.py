"""`esdb contexts`: codes listed, added, refused, dumped and restored."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.types.json import Jsonb

from esdb_cli import main
from esdb_cli.contexts import add
from esdb_cli.partitions import create_next
from esdb_cli.verification import faults
from tests.databases import dump, restore
from tests.feed_clock import Clock, month_after
from tests.feed_support import append, append_many, call, read_all, value
from tests.fixtures import Connect, Connection, Esdb, bindir

HOSTILE = [
    "'",
    '"',
    "';--",
    "')",
    "{{",
    "%s",
    "$1",
    "\\",
    "\n",
    "é",
    "日",
    "🎉",
    "\u202e",
    " o",
    "o ",
    "ooo",
    "O",
    "",
    "x'); drop table esdb.streams; --",
    'order"; drop schema esdb cascade; --',
    "order' || pg_sleep(60) || '",
    "bestellung ü",
    "_overflow",
    "bookmark_overflow",
    "bookmark_y2026m11_pkey",
]


def codes(connection: Connection, kind: str = "bounded") -> list[str]:
    rows = connection.execute("select code from esdb.contexts where kind = %s order by code", (kind,)).fetchall()
    return [code for (code,) in rows]


def everything(connection: Connection) -> list[tuple[Any, ...]]:
    """Give what adding a context could change: codes, what the domains admit, and the relations."""
    return connection.execute(
        "select kind, code || ' ' || name || coalesce(action_type, '') from esdb.contexts"
        " union all select conname, esdb._admitted_codes(oid)::text from pg_constraint where contypid <> 0"
        " union all select relname, relkind::text from pg_class where relnamespace = 'esdb'::regnamespace order by 1, 2"
    ).fetchall()


def assert_clean(connection: Connection) -> None:
    assert faults(connection) == []


def test_contexts_are_listed(esdb: Esdb) -> None:
    rows = json.loads(esdb("contexts", "list", "--json").stdout)
    assert len(rows) == 9 + 3 + 4
    assert {"kind": "bounded", "code": "b", "name": "bookmark", "action_type": None, "retain": None} in rows
    features = json.loads(esdb("contexts", "list", "--kind", "feature", "--json").stdout)
    assert [row["code"] for row in features] == ["c", "d", "r", "u"]
    assert features[0] == {
        "kind": "feature", "code": "c", "name": "create", "action_type": "create", "retain": None,
    }  # fmt: skip
    assert "bookmark" in esdb("contexts", "list").stdout
    assert esdb("contexts", "list", "--kind", "aggregate").returncode == 2


def test_a_bounded_context_is_added_with_its_partitions(db: Connection, esdb: Esdb) -> None:
    result = esdb("contexts", "add", "o", "order")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "added the bounded context o (order)\n")
    assert "o" in codes(db)
    leaves = "select count(*) from esdb.partitions where bounded_context = %s"
    assert value(db, leaves, ("o",)) == value(db, leaves, ("b",))
    assert_clean(db)
    append(db, "order-1", bounded_context="o")
    append_many(db, "order-1", 2, bounded_context="o")
    rows = db.execute("select aggregate_type, bounded_context::text from esdb.read_stream('order-1')").fetchall()
    assert rows == [("order", "o")] * 3
    assert len(read_all(db, bounded_contexts=["o"])) == 3
    assert esdb("partitions", "create-next", "--json").stdout == "[]\n"


def test_an_added_context_follows_the_clock(db: Connection, connect: Connect) -> None:
    add(db, "bounded", "o", "order")
    clock = Clock(connect)
    query = "select lower_bound from esdb.partitions where kind = 'overflow' and bounded_context = 'o'"
    now = month_after(value(db, query), 1)
    append(clock.connect(now), "order-1", bounded_context="o")
    done = create_next(clock.connect(now))
    assert [step["context_name"] for step in done if step["action"] == "attach_span"] == ["order"]
    append(clock.connect(now), "order-1", bounded_context="o")
    assert [event.version for event in read_all(db, bounded_contexts=["o"])] == [1, 2]


def test_what_is_there_already_is_said(db: Connection, esdb: Esdb) -> None:
    for arguments in (("o", "order"), ("g", "gate", "--kind", "group"), ("x", "export", "--kind", "feature")):
        assert esdb("contexts", "add", *arguments).returncode == 0
        before = everything(db)
        again = esdb("contexts", "add", *arguments)
        assert (again.returncode, again.stdout) == (0, "")
        assert again.stderr.startswith("nothing to do: the ")
        other = esdb("contexts", "add", arguments[0], "other", *arguments[2:])
        assert other.returncode == 1
        assert f"detail: code: {arguments[0]} is the " in other.stderr
        assert everything(db) == before


def test_group_and_feature_contexts_are_added(db: Connection, esdb: Esdb) -> None:
    assert esdb("contexts", "add", "g", "gate", "--kind", "group").returncode == 0
    assert esdb("contexts", "add", "x", "export", "--kind", "feature").returncode == 0
    assert esdb("contexts", "add", "a", "authorization", "--kind", "feature", "--action", "authorize").returncode == 0
    assert_clean(db)
    append(db, "s-1", group_context="g", feature_context="x")
    append(db, "s-1", group_context="g", feature_context="a")
    events = [
        {"event_type": "T", "payload": {}, "feature_context": "x"},
        {"event_type": "T", "payload": {}, "group_context": "m"},
    ]
    call(db, "append_events", aggregate_id="s-1", events=Jsonb(events), feature_context="a")
    rows = db.execute("select group_context::text, feature_context::text, action_type from esdb.read_stream('s-1')")
    assert rows.fetchall() == [
        ("g", "x", "export"), ("g", "a", "authorize"), ("g", "x", "export"), ("m", "a", "authorize"),
    ]  # fmt: skip
    assert len(read_all(db, group_contexts=["g"], feature_contexts=["x"])) == 2


@pytest.mark.parametrize(
    "arguments",
    [("o", "order"), ("g", "gate", "--kind", "group"), ("x", "export", "--kind", "feature", "--action", "ex'port")],
    ids=["bounded", "group", "feature"],
)
def test_a_dry_run_changes_nothing_and_prints_what_would_be_done(
    db: Connection, connect: Connect, esdb: Esdb, arguments: tuple[str, ...]
) -> None:
    before = everything(db)
    result = esdb("contexts", "add", *arguments, "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    assert everything(db) == before
    lines = result.stdout.splitlines()
    assert (lines[0], lines[-1], lines.count("begin;")) == ("begin;", "commit;", 1)
    script = connect()
    script.execute("begin")
    script.execute("\n".join(lines[1:-1]))
    scripted = everything(script)
    script.execute("rollback")
    assert esdb("contexts", "add", *arguments).returncode == 0
    assert everything(db) == scripted != before
    again = esdb("contexts", "add", *arguments, "--dry-run")
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr


@pytest.mark.parametrize("kind", ["bounded", "group", "feature"])
def test_hostile_codes_and_names_are_refused(db: Connection, db_url: str, kind: str) -> None:
    before = everything(db)
    well_formed_names = {"group": {"o", "ooo", "bookmark_overflow", "bookmark_y2026m11_pkey"}, "bounded": {"o", "ooo"}}
    well_formed_names["feature"] = well_formed_names["group"]
    wanted = [(code, "order") for code in HOSTILE]
    wanted += [("o", name) for name in HOSTILE if name not in well_formed_names[kind]]
    for code, name in wanted:
        for option in ([], ["--dry-run"]):
            arguments = ["contexts", "add", "--kind", kind, *option, "--", code, name]
            result = CliRunner().invoke(main.cli, arguments, env={"ESDB_DATABASE_URL": db_url})
            assert (result.exit_code, result.stdout) == (1, ""), (code, name)
            assert "(SE009)" in result.stderr.splitlines()[0]
            assert all(line.isprintable() for line in result.stderr.splitlines())
    assert everything(db) == before


def test_a_context_registered_by_hand_gets_its_partitions(db: Connection, esdb: Esdb) -> None:
    db.execute(
        "alter domain esdb.bounded_context_code drop constraint bounded_context_code_known;"
        "alter domain esdb.bounded_context_code add constraint bounded_context_code_known"
        " check (value in ('b', 'n', 'nt', 'p', 't', 'c', 'r', 's', 'e', 'o')) not valid;"
        "insert into esdb.bounded_contexts (code, name) values ('o', 'order')"
    )
    assert esdb("verify").returncode == 3
    result = esdb("contexts", "add", "o", "order")
    assert (result.returncode, result.stderr) == (0, "made the partitions of the bounded context o (order)\n")
    assert_clean(db)


def test_codes_that_domain_and_table_do_not_share_are_a_fault_before_and_after(db: Connection) -> None:
    add(db, "group", "g", "gate")
    assert_clean(db)
    db.execute("delete from esdb.group_contexts where code = 'g'")
    name = "esdb.group_context_code.group_context_code_known"
    named = {"kind": "constraint", "name": name, "fault": "altered: codes"}
    assert faults(db) == [named]
    add(db, "group", "h", "hall")
    assert faults(db) == [named]
    assert value(db, "select 'g'::esdb.group_context_code::text") == "g"


def test_rights(db: Connection, esdb: Esdb, db_url: str) -> None:
    before = everything(db)
    for role in ("reader", "writer", "maintainer"):
        name = f"contexts_{role}"
        db.execute(
            sql.SQL("create role {} login in role {}").format(sql.Identifier(name), sql.Identifier(f"esdb_{role}"))
        )
        try:
            url = psycopg.conninfo.make_conninfo(db_url, user=name)
            assert esdb("contexts", "list", "--json", url=url).returncode == 0
            for option in ([], ["--dry-run"]):
                refused = esdb("contexts", "add", "o", "order", *option, url=url)
                assert refused.returncode == 1, refused.stdout
                assert "permission denied" in refused.stderr
        finally:
            db.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    assert everything(db) == before


def test_a_dump_restores_with_added_contexts(db: Connection, db_url: str, empty_db_url: str, esdb: Esdb) -> None:
    add(db, "bounded", "o", "order")
    add(db, "group", "g", "gate")
    add(db, "feature", "x", "export")
    append(db, "order-1", bounded_context="o", group_context="g", feature_context="x")
    restore(dump(db_url, bindir()), empty_db_url, bindir())
    assert esdb("verify", url=empty_db_url).stdout == "ok\n"
    with psycopg.connect(empty_db_url, autocommit=True) as copy:
        assert everything(copy) == everything(db)
        assert append(copy, "order-1", bounded_context="o", group_context="g", feature_context="x").version == 2
        assert [event.version for event in read_all(copy, bounded_contexts=["o"])] == [1, 2]
        assert add(copy, "bounded", "o1", "order_item")
        assert_clean(copy)
