"""Real stores of other kinds for the tests of `esdb import --from`: installed by their packages, written by them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests import tools
from tests.databases import environment, esdb_program, run_esdb
from tests.feed_support import until, value
from tests.fixtures import Connection
from tests.import_support import report
from tools import peers

PROGRAMS = Path(__file__).with_name("peer_programs")
PLACE = 'bounded_context = "b"\ngroup_context = "m"\n'
DEFAULT = f"[default]\n{PLACE}"
"""A mapping that takes everything."""


def install_message_db(url: str) -> None:
    """Make message-db's schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(peers.message_db_schema())


def write_message(
    source: Connection, stream: str, event_type: str = "Happened", data: object = None, metadata: object = None
) -> str:
    """Write a message by message-db's function; give its id."""
    row = source.execute(
        "select id, message_store.write_message(id::text, %s, %s, %s, %s)"
        " from (select gen_random_uuid() as id) as i, set_config('search_path', 'message_store, public', false)",
        (stream, event_type, _json(data), _json(metadata)),
    ).fetchone()
    assert row is not None
    return str(row[0])


def _json(value: object) -> Jsonb | None:
    """Wrap a value; one that is wrapped already, as JSON's own null, stays."""
    return value if isinstance(value, Jsonb) or value is None else Jsonb(value)


def install_emmett(url: str) -> None:
    """Make emmett's schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(peers.emmett_schema())


def write_emmett_orders(url: str, orders: int, items: int) -> list[dict[str, Any]]:
    """Let emmett write orders; give the events as it reads them, in their global order."""
    printed = peers.run(
        str(tools.node()), "--input-type=module", "-e", (PROGRAMS / "emmett_orders.mjs").read_text(encoding="utf-8"),
        folder=peers.npm_folder(),
        environment={"SOURCE_URL": url, "ORDERS": str(orders), "ITEMS": str(items)},
    )  # fmt: skip
    return sorted(map(json.loads, printed.splitlines()), key=lambda event: int(event["position"]))


def write_eventsourcing_orders(
    url: str, orders: int, items: int, name: str = "", **settings: str
) -> list[dict[str, Any]]:
    """Let an application of the eventsourcing library write orders; give the events as it reads them, in order."""
    where = psycopg.conninfo.conninfo_to_dict(url)
    printed = peers.run(
        sys.executable, "-c", "import eventsourcing_orders as program; program.main()", name, str(orders), str(items),
        environment={
            "PYTHONPATH": f"{peers.python_folder()}:{PROGRAMS}",
            "PERSISTENCE_MODULE": "eventsourcing.postgres", "IS_SNAPSHOTTING_ENABLED": "yes",
            "POSTGRES_DBNAME": str(where["dbname"]), "POSTGRES_HOST": str(where["host"]),
            "POSTGRES_PORT": str(where["port"]), "POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "",
            **settings,
        },
    )  # fmt: skip
    return [json.loads(line) for line in printed.splitlines()]


class Move:
    """The command that moves a store into the test's."""

    def __init__(self, url: str, folder: Path, kind: str, source_url: str, mapping: str = DEFAULT) -> None:
        self.url = url
        self.source_url = source_url
        self._kind = kind
        self._file = folder / "mapping.toml"
        self.map(mapping)

    def map(self, mapping: str) -> None:
        """Write the mapping."""
        self._file.write_text(mapping, encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        """What stands on the command line."""
        return ["import", "--from", self._kind, "--source-url", self.source_url, "--mapping", str(self._file)]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return run_esdb(*self.arguments, *options, url=self.url)

    def done(self, *options: str) -> dict[str, Any]:
        """Run it and give what it did."""
        result = self.run("--json", *options)
        assert result.returncode == 0, result.stderr
        return report(result)

    def refused(self, *options: str) -> tuple[int, str]:
        """Run it, expecting that it fails; give exit code and messages."""
        result = self.run(*options)
        assert result.returncode != 0
        assert result.stdout == ""
        return result.returncode, result.stderr

    def killed_after_a_batch(self, observer: Connection) -> None:
        """Run it, and kill it at its last batch, which waits for the stream slow-1 that somebody is just making."""
        with psycopg.connect(self.url) as holder:
            holder.execute(
                "select esdb.append_event('slow-1', 'Happened', '{}', bounded_context => 'b', group_context => 'm')"
            )
            process = subprocess.Popen(
                [esdb_program(), *self.arguments],
                env=environment(self.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            try:
                until(lambda: value(observer, "select count(*) from esdb.events") > 1, "the first batch")
                assert process.poll() is None
            finally:
                process.kill()
                process.communicate()
            holder.rollback()
        sessions = "select count(*) from pg_stat_activity where application_name = 'esdb'"
        until(lambda: value(observer, sessions) == 0, "the killed import's sessions end")


@pytest.fixture
def source(source_url: str) -> Iterator[Connection]:
    """A connection to the other store, which the test's module makes."""
    with psycopg.connect(source_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def move(request: pytest.FixtureRequest, db_url: str, source_url: str, tmp_path: Path) -> Move:
    """The command that moves it; the module says its KIND."""
    return Move(db_url, tmp_path, request.module.KIND, source_url)
