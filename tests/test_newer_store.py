"""A package leaves a store alone that a newer one has migrated: what it would make need not fit any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import run_esdb
from tests.feed_support import value
from tests.fixtures import Connection, Esdb
from tests.import_support import events, write

LATER = "9999_of_a_later_version"
REFUSAL = (
    "esdb: the database is newer than this package\n"
    f"detail: it has migrations this package does not know: {LATER}\n"
    "hint: install the version of esdb that migrated it\n"
)
STATE = (
    "select (select count(*) from pg_class), (select count(*) from esdb.audit_log),"
    " (select count(*) from esdb.idempotency_keys), (select count(*) from esdb.optional_indexes)"
)


@pytest.fixture
def newer(db: Connection) -> Connection:
    """Give a connection to a store with a migration of a later version, and work to do."""
    db.execute("insert into esdb_meta.checksums (id, kind, sha256) values (%s, 'versioned', '')", (LATER,))
    db.execute("select esdb.set_setting('seal_after', '0')")
    db.execute("drop table esdb.events_note_overflow")
    db.execute("insert into esdb.idempotency_keys values ('s', 'k', 1, 1, now() - interval '9 days')")
    return db


@pytest.mark.parametrize(
    "command",
    [
        "migrate",
        "maintain",
        "maintain --json",
        "maintain --dry-run",
        "maintain --only mark",
        "partitions create-next",
        "partitions create-next --dry-run",
        "partitions seal",
        "partitions unseal b 2026-01 --reason x",
        "partitions archive --to .",
        "partitions restore .",
        "contexts add o order",
        "indexes enable correlation",
        "indexes disable correlation",
    ],
)
def test_it_is_refused(newer: Connection, esdb: Esdb, tmp_path: Path, command: str) -> None:
    (tmp_path / "manifest.json").write_text("{}")  # an archive, to look at
    before = newer.execute(STATE).fetchone()
    result = esdb(*command.split(), cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", REFUSAL)
    assert newer.execute(STATE).fetchone() == before


def test_nothing_is_imported_into_it(newer: Connection, esdb: Esdb, tmp_path: Path) -> None:
    result = esdb("import", write(tmp_path / "file", events(3)))
    assert (result.returncode, result.stderr) == (1, REFUSAL)
    assert value(newer, "select count(*) from esdb.events") == 0


def test_to_look_at_it_is_allowed(newer: Connection, esdb: Esdb) -> None:
    for command in ("partitions list", "partitions status", "contexts list", "settings list", "indexes list", "status"):
        assert esdb(*command.split()).returncode == 0
    assert esdb("settings", "set", "partitions_ahead", "4").returncode == 0
    assert value(newer, "select esdb._setting('partitions_ahead')") == "4"


@pytest.mark.usefixtures("newer")
def test_a_maintainer_is_refused_too(db_url: str) -> None:
    result = run_esdb("maintain", url=db_url, env={"PGOPTIONS": "-c role=esdb_maintainer"})
    assert (result.returncode, result.stdout, result.stderr) == (1, "", REFUSAL)


def test_where_there_is_no_store_that_is_said(empty_db: Connection, esdb: Esdb) -> None:
    result = esdb("partitions", "create-next", url=empty_db.info.dsn)
    assert result.returncode == 1
    assert "hint: run `esdb migrate`" in result.stderr
