"""A store with months of the past, sealed, and what is compared before and after they are archived."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from psycopg import sql
from psycopg.types.json import Jsonb

from esdb_cli.seal import seal
from tests.feed_clock import Clock, first_leaf_month, make_months, month_after, set_clock, utc
from tests.feed_support import append, append_many, value
from tests.fixtures import Connect, Connection, Esdb

MANIFEST = "manifest.json"
EVENTS = "events.ndjson.zst"
MONTHS = 4

# what a file or a JSON reader may get wrong: numbers, escapes, what COPY would escape, other planes, control characters
PAYLOADS: list[dict[str, Any]] = [
    {},
    {"n": 12345678901234567890123456789, "small": 1e-7, "one": 1.0, "list": [1, [2, {"three": None}]]},
    {"text": 'back\\slash "quoted" \\. \\n \n\t\r\x01 tab', "key \\": "\\N"},
    {"text": "Grüße, 世界, 🎉, \u2028, \ufeff, e\u0301"},
    {"long": "x" * 5000},
]


class Shelf:
    """A store whose context b has four sealed months of the past, the third of them empty, and streams that go on."""

    def __init__(self, connection: Connection, connect: Connect, *, extra: int = 0) -> None:
        self.connection = connection
        clock = Clock(connect)
        self.start = month_after(first_leaf_month(connection), -MONTHS)
        self.months = [month_after(self.start, number) for number in range(MONTHS)]
        self.leaves = make_months(connection, "bookmark", self.start, MONTHS)
        with clock.connect(self.start) as writer:
            for number, month in enumerate([*self.months[:2], self.months[3], month_after(self.start, MONTHS)]):
                set_clock(writer, month + timedelta(days=2, microseconds=123456))
                for place, payload in enumerate(PAYLOADS):
                    append(writer, f"s{place}", payload=Jsonb(payload), metadata=Jsonb({"user_id": f"u\\{place}"}))
                append_many(writer, f"only-{number}", 3)
                if extra:
                    append_many(writer, f"extra-{number}", extra)
            set_clock(writer, self.months[1] + timedelta(days=3))
            append(writer, "gone")
            writer.execute("select esdb.delete_stream('gone')")
        # verify compares the catalog with what the migrations left
        connection.execute("drop function pg_catalog.clock_timestamp()")
        connection.execute("alter function pg_catalog.real_clock_timestamp() rename to clock_timestamp")
        seal(connection, context="b")

    def facts(self, leaf: str) -> dict[str, Any]:
        """Give what the seal says of a leaf."""
        query = "select esdb._archive_facts('b', %s)"
        facts = value(self.connection, query, (self.months[self.leaves.index(leaf)],))
        assert isinstance(facts, dict)
        return facts


def leaf_rows(connection: Connection, leaf: str) -> list[Any]:
    """Give a leaf's rows, in order, byte for byte as the server writes them."""
    query = sql.SQL("select row_to_json(e)::text from esdb.{} as e order by e.position").format(sql.Identifier(leaf))
    return connection.execute(query).fetchall()


def all_rows(connection: Connection) -> list[Any]:
    """Give all rows in the tree, in order."""
    query = "select e.tableoid::regclass::text, row_to_json(e)::text from esdb.events as e order by e.position"
    return connection.execute(query).fetchall()


def states(connection: Connection) -> dict[str, str]:
    """Give the state of each partition in esdb.archives."""
    return dict(connection.execute("select partition, state from esdb.archives").fetchall())


def attached(connection: Connection) -> set[str]:
    """Give the leaves that queries see in the tree."""
    query = "select relid::regclass::text from pg_partition_tree('esdb.events') where isleaf"
    return {str(name).removeprefix("esdb.") for (name,) in connection.execute(query)}


def statistics(connection: Connection) -> list[Any]:
    """Give what the statistics stand on for what is sealed."""
    query = "select s.*, t.* from esdb.seals s left join esdb.seal_statistics t using (bounded_context, lower_bound)"
    return connection.execute(query + " order by s.number, t.group_context, t.event_type").fetchall()


def lines_of(folder: Path) -> list[bytes]:
    """Give the lines of an archive, by another way than the command's own."""
    data = zstandard.ZstdDecompressor().stream_reader((folder / EVENTS).read_bytes()).read()
    return data.splitlines(keepends=True)


def digest_of(lines: list[bytes]) -> str:
    """Give the digest of lines as esdb_meta.digest_events() describes it."""
    digest = b""
    for start in range(0, len(lines), 1000):
        block = b"".join(hashlib.sha256(line.removesuffix(b"\n")).digest() for line in lines[start : start + 1000])
        digest = hashlib.sha256(digest + block).digest()
    return digest.hex()


def manifest_of(folder: Path) -> dict[str, Any]:
    """Give the manifest of an archive."""
    manifest = json.loads((folder / MANIFEST).read_text())
    assert isinstance(manifest, dict)
    return manifest


def archive(esdb: Esdb, directory: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Archive the months of the shelf: what ended before the month before this one began."""
    return esdb("partitions", "archive", "--older-than", age(), "--to", str(directory), *arguments, **options)


def age() -> str:
    """Give the age of the end of the shelf's last month; the month after it is younger."""
    now = datetime.now(UTC)
    return f"{(now - month_after(utc(now.year, now.month), -1)) // timedelta(hours=1)} hours"


def restore(esdb: Esdb, directory: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Restore one archive, or those of a directory."""
    return esdb("partitions", "restore", str(directory), *arguments, **options)


def succeeds(result: subprocess.CompletedProcess[str]) -> str:
    """Give what a command that must succeed printed."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def refused(result: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Give the first line that a command which must fail printed: one line, and no traceback."""
    assert result.returncode == code, result.stdout + result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("esdb: ")]
    assert len(lines) == 1
    assert "Traceback" not in result.stderr
    return lines[0]
