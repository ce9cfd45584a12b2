"""`esdb import --from`: what is wrong with a mapping or a source is said before anything is written; memory."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from esdb_cli.import_mapping import OPTIONS, read_mapping
from esdb_cli.server import LocalServer
from tests import markdown
from tests.databases import environment, esdb_program, run_esdb
from tests.feed_support import until, value
from tests.fixtures import Connection
from tests.peer_stores import PLACE, Move, install_message_db, write_message
from tests.tools import ROOT

MEMORY = 300 << 10
"""Kilobytes that an import may take."""
KIND = "message-db"


@pytest.fixture
def source_url(empty_db_url: str) -> str:
    """The URL of a small message-db."""
    install_message_db(empty_db_url)
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        for stream in ("order-1", "order-2", "order-1", "account:command-1", 'say "é"-1'):
            write_message(connection, stream, "Happened", {})
    return empty_db_url


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give either FILE or --from."),
        (["-", "--from", "emmett", "--source-url", "postgresql://"], "Give either FILE or --from."),
        (["-", "--print-mapping"], "--mapping and --print-mapping go with --from."),
        (["--from", "emmett"], "--from needs --source-url, or ESDB_SOURCE_URL."),
        (["--from", "emmett", "--source-url", "postgresql://"], "--from needs --mapping;"),
        (["--from", "other"], "'other' is not one of 'emmett', 'eventsourcing', 'message-db'"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str, db_url: str) -> None:
    result = run_esdb("import", *arguments, url=db_url)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_mapping_says_all_that_is_wrong_with_it(move: Move) -> None:
    move.map(
        'schema = ""\naggregate_id = "x"\ntables = ["a"]\nmetadata_names = []\ngaps = true\n'
        "metadata = { at = 2020-01-01 }\n"
        '[default]\nbounded_context = "b"\n[categories]\nn = 1\n[categories.o]\nleave_out = 1\nname = "x"\n'
        "[types.T]\nfeature = 1\n"
    )
    code, messages = move.refused()
    assert code == 2
    assert messages.splitlines()[1:] == [
        "detail: schema: should be a text",
        'aggregate_id: should be "stream" or "id"',
        (
            "tables: unknown; known are schema, gaps, recorded_by, metadata, metadata_names, default, categories,"
            " types, aggregate_id"
        ),
        "metadata_names: should be a table of texts",
        'gaps: should be "refuse" or "renumber"',
        "metadata: should be a table of texts, numbers, booleans, lists and tables",
        "default: needs bounded_context and group_context, or leave_out = true",
        "categories.n: should be a table",
        "categories.o.leave_out: should be true or false",
        "categories.o.name: unknown; known are bounded_context, group_context, aggregate_type, leave_out",
        "types.T.feature: unknown; known are event_type, feature_context, action_type, leave_out",
    ]
    move.map("a = ")
    code, messages = move.refused()
    assert code == 2
    assert "is no TOML\n" in messages


def test_all_categories_without_a_place_are_named(move: Move, db: Connection) -> None:
    move.map(f"[categories.order]\n{PLACE}\n[categories.'say*']\nbounded_context = 'b'\n")
    code, messages = move.refused()
    assert code == 2
    assert 'detail: account:command, say "é"\n' in messages
    assert value(db, "select count(*) from esdb.events") == 0


def test_contexts_that_the_store_lacks(move: Move) -> None:
    move.map(f'[default]\n{PLACE}[types.A]\nfeature_context = "x"\n[categories.a]\nbounded_context = "zz"\n')
    code, messages = move.refused()
    assert code == 2
    assert messages.splitlines() == [
        "esdb: the store lacks contexts that the mapping names",
        "detail: bounded zz, feature x",
        "hint: esdb contexts add zz NAME",
    ]


def test_a_mapping_to_begin_with(move: Move, tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    arguments = ["import", "--from", "message-db", "--source-url", move.source_url, "--print-mapping"]
    printed = run_esdb(*arguments, url=None)
    assert printed.returncode == 0, printed.stderr
    place = {"bounded_context": "", "group_context": ""}
    assert tomllib.loads(printed.stdout) == {
        "categories": {name: {**place, "aggregate_type": name} for name in ("order", "account:command", 'say "é"')}
    }
    assert '[categories."order"]\n# 3 events in 2 streams\n#   3 "Happened"\n' in printed.stdout
    move.map(printed.stdout)
    code, messages = move.refused()
    assert (code, messages.count("_context: should be a text")) == (2, 6)

    # what the mapping says already is not said again
    file.write_text(f"[categories.order]\n{PLACE}", encoding="utf-8")
    more = run_esdb(*arguments, "--mapping", str(file), url=None)
    assert list(tomllib.loads(more.stdout)["categories"]) == ["account:command", 'say "é"']
    move.map(file.read_text() + more.stdout.replace('bounded_context = ""\ngroup_context = ""\n', PLACE))
    assert move.done()["events"] == 5


@pytest.mark.parametrize("kind", ["message-db", "emmett", "eventsourcing"])
def test_a_database_without_such_tables(db_url: str, empty_db_url: str, tmp_path: Path, kind: str) -> None:
    code, messages = Move(db_url, tmp_path, kind, empty_db_url).refused()
    assert code == 1
    first, hint = messages.splitlines()
    assert first.startswith("esdb: there is no table ")
    assert hint.startswith("hint: the mapping's schema says where ")


def test_tables_of_another_schema_or_version(source: Connection, move: Move) -> None:
    source.execute("alter schema message_store rename to messages")
    code, messages = move.refused()
    assert (code, messages.splitlines()[0]) == (1, "esdb: there is no table message_store.messages in the source")
    move.map(f'schema = "messages"\n[default]\n{PLACE}')
    assert move.done()["events"] == 5
    source.execute("alter table messages.messages drop column id cascade, drop column metadata cascade")
    code, messages = move.refused()
    assert code == 1
    assert messages.splitlines()[:2] == [
        "esdb: the table messages.messages is not one of message-db 1",
        "detail: it lacks id uuid, metadata jsonb",
    ]


def test_tables_that_may_not_be_read(source: Connection, move: Move, server: LocalServer) -> None:
    name = source.info.dbname
    source.execute(sql.SQL("create role {} login").format(sql.Identifier(f"{name}_reader")))
    try:
        move.source_url = server.url(name, user=f"{name}_reader")
        code, messages = move.refused()
        assert (code, messages.splitlines()[0]) == (1, "esdb: the table message_store.messages may not be read")
        source.execute(
            sql.SQL("grant usage on schema message_store to {0}; grant select on message_store.messages to {0}").format(
                sql.Identifier(f"{name}_reader")
            )
        )
        assert move.done()["events"] == 5
    finally:
        source.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(f"{name}_reader")))


def test_a_source_that_cannot_be_reached(move: Move) -> None:
    move.source_url = "postgresql://u:secret@127.0.0.1:1/x"
    code, messages = move.refused()
    assert (code, messages.splitlines()[0]) == (5, "esdb: cannot connect to the source")
    assert "secret" not in messages


def test_a_source_that_goes_away(source: Connection, db: Connection, db_url: str, move: Move) -> None:
    source.execute(
        "insert into message_store.messages (position, stream_name, type, data)"
        " select n, 'long-1', 'Happened', jsonb_build_object('text', repeat('x', 500))"
        " from generate_series(0, 99999) as n"
    )
    with psycopg.connect(db_url) as holder:
        holder.execute("lock esdb.streams in exclusive mode")
        process = subprocess.Popen(
            [esdb_program(), *move.arguments], env=environment(move.url), text=True, stderr=subprocess.PIPE
        )
        try:
            _until_it_waits(db)
            name = source.info.dbname
            source.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
                (name,),
            )
            holder.rollback()
            _, messages = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 1
    assert messages.splitlines()[0] == "esdb: reading the source failed"
    move.done()
    assert value(db, "select count(*) from esdb.events") == 100_005


def _until_it_waits(observer: Connection) -> None:
    until(
        lambda: value(
            observer,
            "select count(*) from pg_stat_activity where application_name = 'esdb' and wait_event_type = 'Lock'",
        ),
        "the import waits",
    )


def test_a_move_takes_little_memory(source: Connection, move: Move) -> None:
    source.execute(
        "insert into message_store.messages (position, stream_name, type, data)"
        " select n / 500, 'many-' || n % 500, 'Happened', jsonb_build_object('text', repeat('x', 1000))"
        " from generate_series(0, 199999) as n"
    )
    process = subprocess.Popen([esdb_program(), *move.arguments], env=environment(move.url), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < MEMORY


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how-to").glob("from-*.md")), ids=lambda page: page.stem)
def test_the_mappings_of_the_pages_are_right(page: Path, tmp_path: Path) -> None:
    kind = page.stem.removeprefix("from-")
    mappings = [block.text for block in markdown.blocks(page) if block.language == "toml"]
    assert mappings
    for mapping in mappings:
        file = tmp_path / "mapping.toml"
        file.write_text(mapping, encoding="utf-8")
        assert read_mapping(file, kind if kind in OPTIONS else "message-db").categories
