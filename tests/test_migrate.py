"""What `esdb migrate` and `esdb status` do to one database, step by step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from esdb_cli.errors import CliError
from esdb_cli.migrations import Migrator
from esdb_cli.package import Package
from esdb_cli.resources import sql_dir
from tests.fixtures import Connection, Esdb

LEDGER = "select id, sha256, applied_at from esdb_meta.checksums order by id"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the package's SQL that a test may edit."""
    copy = tmp_path / "with [brackets]"
    for folder in ("schema", "functions", "partitions", "views"):
        shutil.copytree(sql_dir() / folder, copy / folder)
    return copy


def migrator(connection: Connection, sources: Path) -> Migrator:
    return Migrator(connection, Package.read(sources))


def failure(connection: Connection, sources: Path) -> CliError:
    with pytest.raises(CliError) as caught:
        migrator(connection, sources).migrate()
    return caught.value


def test_a_second_migrate_does_nothing(db: Connection, esdb: Esdb) -> None:
    before = db.execute(LEDGER).fetchall()
    result = esdb("migrate")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "up to date\n")
    assert db.execute(LEDGER).fetchall() == before
    assert db.execute("select count(*) from esdb_meta._yoyo_log").fetchone() == (len(Package.read().migrations),)


def test_a_fresh_store_takes_an_append_at_once(empty_db_url: str, esdb: Esdb) -> None:
    assert esdb("migrate", url=empty_db_url).returncode == 0
    result = esdb("append", "a-1", "Made", "{}", "--context", "b", "--group", "m", url=empty_db_url)
    assert result.returncode == 0, result.stderr


def test_nothing_is_made_outside_our_schemas(empty_db: Connection) -> None:
    outside = """
        select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where nspname not in ('esdb', 'esdb_meta', 'pg_toast')
        union all
        select proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where nspname not in ('esdb', 'esdb_meta')
        order by 1
    """
    before = empty_db.execute(outside).fetchall()
    Migrator(empty_db).migrate()
    assert empty_db.execute(outside).fetchall() == before


def test_dry_run_changes_nothing_and_prints_what_would_run(empty_db: Connection, empty_db_url: str, esdb: Esdb) -> None:
    script = esdb("migrate", "--dry-run", url=empty_db_url)
    assert script.returncode == 0, script.stderr
    for file in Package.read().files:
        assert f"-- {file.name}\n{file.text.rstrip()}\n" in script.stdout
    assert empty_db.execute("select to_regnamespace('esdb'), to_regnamespace('esdb_meta')").fetchone() == (None, None)

    empty_db.execute(script.stdout)
    assert Migrator(empty_db).migrate() == []
    assert script.stdout.endswith("-- then what `esdb partitions create-next --dry-run` prints\n")
    due = esdb("migrate", "--dry-run", url=empty_db_url).stdout
    assert due == esdb("partitions", "create-next", "--dry-run", url=empty_db_url).stdout
    empty_db.execute(due)
    assert esdb("verify", url=empty_db_url).stdout == "ok\n"
    assert esdb("migrate", "--dry-run", url=empty_db_url).stdout == ""


def test_status_tells_applied_pending_and_changed(empty_db: Connection, empty_db_url: str, esdb: Esdb) -> None:
    pending = esdb("status", "--check", "--json", url=empty_db_url)
    assert pending.returncode == 3
    assert {file["state"] for file in json.loads(pending.stdout)["files"]} == {"pending"}

    esdb("migrate", url=empty_db_url)
    applied = esdb("status", "--check", "--json", url=empty_db_url)
    assert applied.returncode == 0
    assert {file["state"] for file in json.loads(applied.stdout)["files"]} == {"applied"}

    empty_db.execute("update esdb_meta.checksums set sha256 = 'x' where id like '%append_event.sql'")
    changed = esdb("status", "--check", url=empty_db_url)
    assert changed.returncode == 3
    assert "changed  repeatable  functions/append/append_event.sql" in changed.stdout
    assert esdb("status", url=empty_db_url).returncode == 0


def test_a_repeatable_file_runs_again_when_its_bytes_change(empty_db: Connection, sources: Path) -> None:
    migrator(empty_db, sources).migrate()
    changed = sources / "functions/errors/error_codes.sql"
    # line ends are bytes too
    changed.write_bytes(changed.read_bytes().replace(b"\n", b"\r\n"))
    assert [file.id for file in migrator(empty_db, sources).migrate()] == ["functions/errors/error_codes.sql"]
    assert migrator(empty_db, sources).migrate() == []


def test_repeatables_change_together_or_not_at_all(empty_db: Connection, sources: Path) -> None:
    migrator(empty_db, sources).migrate()
    before = empty_db.execute(LEDGER).fetchall()
    (sources / "functions/errors/error_codes.sql").write_text("comment on function esdb.error_codes() is 'changed';")
    (sources / "views/zz_broken.sql").write_text("-- one\ncreate view esdb.broken as\nselect nothing;\n")
    error = failure(empty_db, sources)
    assert error.exit_code == 1
    assert error.message == 'sql/views/zz_broken.sql:3: column "nothing" does not exist'
    assert empty_db.execute(LEDGER).fetchall() == before
    comment = empty_db.execute("select obj_description('esdb.error_codes()'::regprocedure)").fetchone()
    assert comment != ("changed",)


def test_a_versioned_file_that_fails_leaves_what_came_before(empty_db: Connection, sources: Path) -> None:
    (sources / "schema/8000_good.sql").write_text("create table esdb.good ();")
    (sources / "schema/9000_bad.sql").write_text("create table esdb.half ();\nselect 1 / 0;")
    assert "sql/schema/9000_bad.sql: division by zero" in failure(empty_db, sources).message
    assert empty_db.execute("select to_regclass('esdb.good') is null, to_regclass('esdb.half')").fetchone() == (
        False,
        None,
    )
    (sources / "schema/9000_bad.sql").write_text("create table esdb.whole ();")
    assert migrator(empty_db, sources).migrate()[0].id == "9000_bad"


def test_versioned_files_run_whatever_they_hold(empty_db: Connection, sources: Path) -> None:
    (sources / "schema/9000_odd.sql").write_text(
        "/* a /* nested; */ comment; */\ncreate table esdb.odd (percent text default '100 % of %s :x;');\n"
        "do $a$ begin perform 'x; $b$ y'; end $a$;\n",
        encoding="utf-8",
    )
    migrator(empty_db, sources).migrate()
    empty_db.execute("insert into esdb.odd default values")
    assert empty_db.execute("select percent from esdb.odd").fetchone() == ("100 % of %s :x;",)


def test_a_file_that_ends_its_transaction_is_refused(empty_db: Connection, sources: Path) -> None:
    (sources / "schema/9000_commit.sql").write_text("commit;")
    assert failure(empty_db, sources).message == "sql/schema/9000_commit.sql ended the transaction it was run in"
    states = {state.id: state.state for state in migrator(empty_db, sources).states()}
    assert states["9000_commit"] == "pending"


def test_an_edited_versioned_file_is_refused(empty_db: Connection, sources: Path) -> None:
    migrator(empty_db, sources).migrate()
    edited = sources / "schema/0002_contexts.sql"
    edited.write_bytes(edited.read_bytes() + b"\n")
    error = failure(empty_db, sources)
    assert (error.exit_code, error.detail) == (3, "0002_contexts")


def test_a_database_newer_than_the_package_is_refused(empty_db: Connection, sources: Path) -> None:
    newer = sources / "schema/9000_newer.sql"
    newer.write_text("create table esdb.newer ();")
    migrator(empty_db, sources).migrate()
    newer.unlink()
    error = failure(empty_db, sources)
    assert error.exit_code == 1
    assert "9000_newer" in (error.detail or "")


def test_the_record_of_objects_is_made_again_when_it_is_missing(empty_db: Connection) -> None:
    Migrator(empty_db).migrate()
    count = empty_db.execute("select count(*) from esdb_meta.objects").fetchone()
    empty_db.execute("delete from esdb_meta.objects")
    assert Migrator(empty_db).migrate() == []
    assert empty_db.execute("select count(*) from esdb_meta.objects").fetchone() == count


def test_a_lock_that_is_held_ends_with_exit_4(empty_db: Connection, empty_db_url: str, esdb: Esdb) -> None:
    with empty_db.transaction():
        empty_db.execute("select pg_advisory_xact_lock(1702061154, 1)")
        result = esdb("migrate", "--wait", "0.2", url=empty_db_url)
    assert result.returncode == 4
    assert result.stderr.startswith("esdb: a lock was not obtained within 0.2 seconds\n")
    assert empty_db.execute("select to_regnamespace('esdb_meta')").fetchone() == (None,)


def test_it_waits_for_a_table_in_use_and_then_goes_on(empty_db: Connection, empty_db_url: str, sources: Path) -> None:
    migrator(empty_db, sources).migrate()
    (sources / "schema/9000_column.sql").write_text("alter table esdb.streams add column extra integer;")
    with psycopg.connect(empty_db_url) as other:
        other.execute("select from esdb.streams")
        error = None
        try:
            Migrator(empty_db, Package.read(sources), wait=0.3).migrate()
        except CliError as caught:
            error = caught
        assert error is not None
        assert error.exit_code == 4
    assert [file.id for file in migrator(empty_db, sources).migrate()] == ["9000_column"]
