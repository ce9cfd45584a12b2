"""`esdb partitions status`, `list` and `render`, and `esdb contexts retain`."""

from __future__ import annotations

import json

import pytest
from psycopg import sql

from tests.databases import run_esdb
from tests.feed_clock import Clock, month_after
from tests.feed_support import append_many, value
from tests.fixtures import Connect, Connection, Esdb
from tests.test_partitions import catalog, leaves, overflow_start

READERS = ["esdb_reader", "esdb_writer", "esdb_maintainer"]


def test_a_new_store_is_well(esdb: Esdb) -> None:
    result = esdb("partitions", "status", "--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")
    table = esdb("partitions", "status")
    assert (table.returncode, table.stderr) == (0, "")
    assert table.stdout.splitlines()[2].split()[:3] == ["bookmark", "3", "3"]
    rows = json.loads(esdb("partitions", "status", "--check", "--json").stdout)
    assert len(rows) == 9
    assert {(row["months_ahead"], row["months_wanted"], *row["reasons"]) for row in rows} == {(3, 3)}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("drop table esdb.events_note", "its table esdb.events_note is missing; run esdb partitions create-next"),
        (
            "drop table esdb.events_note_overflow",
            "no overflow, appends after the last month fail; run esdb partitions create-next",
        ),
        (
            "update esdb.settings set value = '7' where name = 'partitions_ahead'",
            "months ahead of the clock: 3, wanted: 7; run esdb partitions create-next",
        ),
    ],
)
def test_what_is_wrong_is_told_and_exits_3_until_create_next(
    db: Connection, esdb: Esdb, damage: str, reason: str
) -> None:
    db.execute(sql.SQL(damage))
    result = esdb("partitions", "status", "--check")
    assert (result.returncode, result.stderr) == (3, "")
    assert f"note: {reason}" in result.stdout
    plain = esdb("partitions", "status")
    assert plain.returncode == 0
    assert f"note: {reason}" in plain.stderr
    as_json = esdb("partitions", "status", "--check", "--json")
    assert as_json.returncode == 3
    (reasons,) = [row["reasons"] for row in json.loads(as_json.stdout) if row["bounded_context"] == "n"]
    assert reasons[0].startswith(reason)
    assert esdb("partitions", "create-next").returncode == 0
    assert esdb("partitions", "status", "--check").stdout == "ok\n"


@pytest.mark.parametrize("role", READERS)
def test_every_role_may_look(db: Connection, db_url: str, role: str) -> None:
    append_many(db, "s", 3)
    environment = {"PGOPTIONS": f"-c role={role}"}
    for arguments in (["status", "--check"], ["list", "--json"]):
        result = run_esdb("partitions", *arguments, url=db_url, env=environment)
        assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [(row["min_position"], row["max_position"]) for row in rows if row["min_position"]] == [(1, 3)]


def test_what_is_rendered_is_what_is_run(db: Connection, connect: Connect, esdb: Esdb) -> None:
    before = leaves(db), catalog(db)
    month = overflow_start(db)
    rendered = [
        esdb("partitions", "render", context, f"{of:%Y-%m}", "--template", template).stdout
        for context in ("b", "bookmark")
        for template, of in (
            ("detach_overflow", month), ("create_month", month), ("attach_overflow", month_after(month)),
        )
    ]  # fmt: skip
    assert rendered[:3] == rendered[3:]
    assert (leaves(db), catalog(db)) == before
    script = connect()
    script.execute("begin")
    for statements in rendered[:3]:
        script.execute(sql.SQL(statements))
    as_rendered = [leaf for leaf in leaves(script) if "bookmark" in leaf[0]], catalog(script)
    script.execute("rollback")
    assert esdb("partitions", "create-next", "--months", "4").returncode == 0
    assert [leaf for leaf in leaves(db) if "bookmark" in leaf[0]] == as_rendered[0]
    made = {row for row in catalog(db) if "bookmark" in row[0]}
    assert made == {row for row in as_rendered[1] if "bookmark" in row[0]}


def test_the_dry_run_has_what_render_prints(db: Connection, esdb: Esdb) -> None:
    month = overflow_start(db)
    printed = esdb("partitions", "create-next", "--months", "4", "--dry-run").stdout
    for context in ("b", "nt"):
        rendered = esdb("partitions", "render", context, f"{month:%Y-%m}")
        assert rendered.stdout in printed
        assert rendered.stdout.startswith("-- One month")


def test_a_rendered_month_has_the_optional_indexes(esdb: Esdb) -> None:
    assert "_correlated" not in esdb("partitions", "render", "b", "2031-02").stdout
    assert esdb("indexes", "enable", "correlation").returncode == 0
    assert "create index events_bookmark_y2031m02_correlated" in esdb("partitions", "render", "b", "2031-02").stdout


def test_a_partition_is_closed_and_opened_as_rendered(db: Connection, esdb: Esdb) -> None:
    month = value(db, "select to_char(now() at time zone 'UTC', 'YYYY-MM')")
    before = catalog(db)
    for template, triggers in (("close_partition", 1), ("open_partition", 0)):
        rendered = esdb("partitions", "render", "note", month, "--template", template)
        db.execute(sql.SQL("do $$ begin perform 1; end $$;" + rendered.stdout))
        assert value(db, "select count(*) from pg_trigger where tgname = 'events_are_sealed'") == triggers
    assert catalog(db) == before


def test_a_closed_partition_is_given_its_indexes_as_rendered(db: Connection, esdb: Esdb) -> None:
    month = value(db, "select to_char(now() at time zone 'UTC', 'YYYY-MM')")
    rendered = esdb("partitions", "render", "note", month, "--template", "index_partition")
    indexes = "select count(*) from pg_indexes where indexname ~ '^events_note_y.*_(context|timestamp)$'"
    for _ in range(2):
        db.execute(sql.SQL("do $$ begin perform 1; end $$;" + rendered.stdout))
        assert value(db, indexes) == 2


def test_a_span_is_closed_by_any_of_its_months(db: Connection, connect: Connect, esdb: Esdb) -> None:
    clock = Clock(connect)
    now = month_after(overflow_start(db), 2)
    append_many(clock.connect(now), "s", 3)
    assert esdb("partitions", "create-next", env=Clock.environment(now)).returncode == 0
    span = value(db, "select partition from esdb.partitions where kind = 'span'")
    for month in (overflow_start(db, "n"), now):
        text = esdb("partitions", "render", "b", f"{now:%Y-%m}", "--template", "close_partition").stdout
        assert f"lock table esdb.{span} in share row exclusive mode" in text, month


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none", "2026-11"], 1, "unknown bounded context: none (SE005)"),
        (["b", "2026-13"], 2, "'2026-13' is not a month such as 2026-11."),
        (["b", "2026-11-01"], 2, "is not a month"),
        (["b", "november"], 2, "is not a month"),
        (["b", "2001-01", "--template", "close_partition"], 1, "no partition of bookmark holds 2001-01"),
        (["b", "2026-11", "--template", "_leaf"], 2, "_leaf"),
    ],
)
def test_what_cannot_be_rendered_is_refused(esdb: Esdb, arguments: list[str], code: int, message: str) -> None:
    result = esdb("partitions", "render", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr


def test_the_retention_of_a_context(db: Connection, esdb: Esdb) -> None:
    dry = esdb("contexts", "retain", "b", "7 years", "--dry-run")
    assert (dry.returncode, value(db, "select count(*) from esdb.audit_log where action = 'set retention'")) == (0, 0)
    db.execute(sql.SQL(dry.stdout))
    assert value(db, "select retain::text from esdb.contexts where code = 'b'") == "7 years"
    result = esdb("contexts", "retain", "note", "90 days")
    assert (result.returncode, result.stderr) == (0, "partitions of note are kept for 90 days after their end\n")
    assert "bounded  n     note                   90 days\n" in esdb("contexts", "list").stdout
    rows = json.loads(esdb("contexts", "list", "--kind", "bounded", "--json").stdout)
    assert {row["code"]: row["retain"] for row in rows if row["retain"]} == {"b": "7 years", "n": "90 days"}
    assert esdb("contexts", "retain", "b", "forever").stderr == "partitions of b are kept for ever\n"
    assert value(db, "select retain from esdb.contexts where code = 'b'") is None
    query = "select subject, details ->> 'after' from esdb.audit_log where action = 'set retention' order by number"
    assert db.execute(query).fetchall() == [("bookmark", "7 years"), ("note", "90 days"), ("bookmark", None)]


@pytest.mark.parametrize("bad", ["7", "0", "0 days", "soon", "--", "1001 years"])
def test_a_retention_that_is_none_is_refused(db: Connection, esdb: Esdb, bad: str) -> None:
    result = esdb("contexts", "retain", "--", "b", bad)
    assert (result.returncode, result.stdout) == (1, "")
    assert "SE009" in result.stderr
    assert value(db, "select count(*) from esdb.contexts where retain is not null") == 0


def test_a_store_without_partitions_says_so(db: Connection, esdb: Esdb) -> None:
    for (table,) in db.execute(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'esdb.events'::regclass"
    ):
        db.execute(sql.SQL("drop table " + table))
    result = esdb("append", "s", "T", "{}", "--context", "b", "--group", "m")
    assert result.returncode == 1
    assert result.stderr == (
        "esdb: the store has no partitions yet\n"
        "detail: esdb.events has no table for any bounded context.\n"
        "hint: Run `esdb partitions create-next`.\n"
    )
    assert esdb("partitions", "create-next").returncode == 0
    assert esdb("append", "s", "T", "{}", "--context", "b", "--group", "m").returncode == 0


def test_the_list_of_a_context_takes_its_code_or_its_name_and_no_other(esdb: Esdb) -> None:
    by_code = esdb("partitions", "list", "--context", "b", "--json")
    by_name = esdb("partitions", "list", "--context", "bookmark", "--json")
    assert by_code.returncode == by_name.returncode == 0
    assert {row["context_name"] for row in json.loads(by_code.stdout)} == {"bookmark"}
    assert by_name.stdout == by_code.stdout
    unknown = esdb("partitions", "list", "--context", "b'", "--json")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.splitlines() == [
        "esdb: no partitions of a bounded context b'",
        "hint: esdb contexts list --kind bounded",
    ]


def test_a_table_out_of_its_place_is_told_with_what_to_do(db: Connection, esdb: Esdb) -> None:
    db.execute("alter table esdb.events_note detach partition esdb.events_note_overflow")
    result = esdb("partitions", "create-next")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        'esdb: relation "events_note_overflow" already exists',
        "hint: a table of this name is not where it belongs: run `esdb verify --schema-only`",
    ]
    assert "events_note_overflow: not attached to esdb.events" in esdb("verify", "--schema-only").stdout
