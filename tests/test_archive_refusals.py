"""What is no archive of this store, or is not whole, is refused with one line, and nothing is changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from psycopg import sql

from tests.archive_support import (
    EVENTS,
    MANIFEST,
    Shelf,
    age,
    archive,
    lines_of,
    manifest_of,
    refused,
    restore,
    states,
    succeeds,
)
from tests.databases import Databases, environment, esdb_program, run_esdb
from tests.feed_support import value
from tests.fixtures import Connect, Connection, Esdb

Change = Callable[[dict[str, Any]], None]


class Archived:
    """A store with four archived months, and copies of the first month's archive to tamper with."""

    def __init__(self, url: str, connection: Connection, folder: Path) -> None:
        self.url = url
        self.connection = connection
        shelf = Shelf(connection, lambda: psycopg.connect(url, autocommit=True))
        self.folder = folder / "archives"
        self.folder.mkdir()
        result = run_esdb("partitions", "archive", "--older-than", age(), "--to", str(self.folder), url=url)
        assert result.returncode == 0, result.stderr
        self.leaf, self.second, self.empty, _ = shelf.leaves

    def copy(self, to: Path, leaf: str | None = None) -> Path:
        copy = to / "copy"
        shutil.copytree(self.folder / (leaf or self.leaf), copy)
        return copy

    def refuses(self, folder: Path) -> str:
        """Restore for real, and give the line; nothing may have changed."""
        before = self._state()
        for options in ([], ["--dry-run"]):
            result = run_esdb("partitions", "restore", str(folder), *options, url=self.url)
            line = refused(result)
            assert self._state() == before
        return line + result.stderr

    def _state(self) -> list[Any]:
        return self.connection.execute(
            "select a.*, (select count(*) from pg_class), (select count(*) from esdb.audit_log)"
            " from esdb.archives a order by 1, 2"
        ).fetchall()


@pytest.fixture(scope="module")
def archived(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    """A store with archives; no test changes it."""
    url = databases.migrated()
    with psycopg.connect(url, autocommit=True) as connection:
        yield Archived(url, connection, tmp_path_factory.mktemp("archived"))
    databases.drop(url)


def put(**values: Any) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        for name, new in values.items():
            part, _, key = name.partition("__")
            if key:
                manifest[part][key] = new
            else:
                manifest[part] = new

    return change


def longer(manifest: dict[str, Any]) -> None:
    manifest["event_count"] += 1


def other_column(manifest: dict[str, Any]) -> None:
    manifest["columns"][0]["type"] = "integer"


def without(name: str) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        del manifest[name]

    return change


LIES: dict[str, tuple[Change, str]] = {
    "count": (longer, "event_count is"),
    "lowest position": (put(min_position=0), "min_position is 0"),
    "highest position": (put(max_position=10**30), "max_position is"),
    "digest": (put(events_digest="00" * 32), "events_digest is"),
    "lower bound": (put(lower_bound="2020-01-01T00:00:00+00:00"), "lower_bound is"),
    "upper bound": (put(upper_bound=None), "upper_bound is null"),
    "context": (put(bounded_context="n"), "bounded_context is n"),
    "context's name": (put(context_name="note"), "context_name is note"),
    "columns": (other_column, "columns is"),
    "no columns": (without("columns"), "columns is null"),
    "another seal": (put(sealed_at="2026-01-01T00:00:00+00:00"), "sealed_at is"),
    "number": (put(seal_number="1"), "seal_number is 1"),
    "unknown partition": (put(partition="events_bookmark_y1999m01"), "is not archived in this store"),
    "attached partition": (put(partition="events_bookmark_overflow"), "is not archived in this store"),
    "injection": (put(partition="x'; drop table esdb.events; --"), "is not archived in this store"),
    "format": (put(format=2), "of a format that this version of esdb does not know"),
    "format is no number": (put(format=True), "of a format that this version of esdb does not know"),
    "no format": (without("format"), "of a format that this version of esdb does not know"),
    "no partition": (without("partition"), "is no manifest of an archive"),
    "no file": (without("file"), "is no manifest of an archive"),
    "path that climbs out": (put(file__name="../events.ndjson.zst"), "is no manifest of an archive"),
    "absolute path": (put(file__name="/etc/passwd"), "is no manifest of an archive"),
    "negative size": (put(file__bytes=-1), "is no manifest of an archive"),
    "size": (put(file__bytes=1), "its size is not the manifest's"),
    "checksum": (put(file__sha256="00" * 32), "its content is not what the manifest says"),
    "fewer bytes": (put(file__uncompressed_bytes=10), "it has more bytes than the manifest says"),
    "more bytes": (put(file__uncompressed_bytes=10**9), "its content is not what the manifest says"),
    "a zero character": (put(partition="a\0b"), ""),
}


@pytest.mark.parametrize(("change", "expected"), LIES.values(), ids=LIES.keys())
def test_a_manifest_that_lies(archived: Archived, tmp_path: Path, change: Change, expected: str) -> None:
    folder = archived.copy(tmp_path)
    manifest = manifest_of(folder)
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert expected in archived.refuses(folder)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b'{"format": NaN}', b"{", b"\xff\xfe", b"[" * 100_000, b" " * (1 << 21), b'{"format": 1}'],
    ids=["empty", "array", "null", "NaN", "cut", "no UTF-8", "deep", "huge", "nothing else"],
)
def test_what_is_no_manifest(archived: Archived, tmp_path: Path, text: bytes) -> None:
    folder = archived.copy(tmp_path)
    (folder / MANIFEST).write_bytes(text)
    assert str(folder / MANIFEST) in archived.refuses(folder)


def rewritten(folder: Path, data: bytes, **facts: Any) -> None:
    """Put another file beside a manifest that fits it, as far as the seal does not contradict."""
    (folder / EVENTS).write_bytes(data)
    manifest = manifest_of(folder)
    manifest["file"].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), **facts)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_a_file_that_was_rewritten_with_its_manifest(archived: Archived, tmp_path: Path) -> None:
    folder = archived.copy(tmp_path)
    lines = lines_of(folder)
    data = b"".join([lines[0].replace(b"create", b"update"), *lines[1:]])
    rewritten(folder, compress(data), uncompressed_bytes=len(data))
    assert "the digest of its events is not the manifest's" in archived.refuses(folder)


@pytest.mark.parametrize("size", [1 << 20, 1 << 30], ids=["one MB a line", "more than memory"])
def test_a_bomb_is_not_read_to_its_end(archived: Archived, tmp_path: Path, size: int) -> None:
    folder = archived.copy(tmp_path)
    frame = zstandard.ZstdCompressor().compressobj()
    data = b"".join([*(frame.compress(b"0" * (1 << 20)) for _ in range(size >> 20)), frame.flush()]) * 4
    rewritten(folder, data, uncompressed_bytes=1000)
    assert "it has more bytes than the manifest says" in archived.refuses(folder)
    newlines = compress(b"\n" * (1 << 20)) * 4
    rewritten(folder, newlines, uncompressed_bytes=1 << 22)
    assert "it has more lines than the manifest says" in archived.refuses(folder)


def test_a_window_larger_than_ours_is_refused(archived: Archived, tmp_path: Path) -> None:
    folder = archived.copy(tmp_path)
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = b"".join([frame.compress(b"0" * (1 << 20)), frame.flush()])
    rewritten(folder, data, uncompressed_bytes=1 << 20)
    assert "it is damaged" in archived.refuses(folder)


def test_a_file_that_is_not_whole(archived: Archived, tmp_path: Path) -> None:
    folder = archived.copy(tmp_path)
    whole = (folder / EVENTS).read_bytes()
    for data in (whole[:-20], b"", b"no zstd at all"):
        rewritten(folder, data)
        assert str(folder / EVENTS) in archived.refuses(folder)
    altered = bytearray(whole)
    altered[len(altered) // 2] ^= 1
    (folder / EVENTS).write_bytes(altered)
    rewritten(folder, bytes(altered))
    assert str(folder / EVENTS) in archived.refuses(folder)
    (folder / EVENTS).unlink()
    assert f"{folder / EVENTS}: it is missing" in archived.refuses(folder)


@pytest.mark.parametrize("name", [MANIFEST, EVENTS])
def test_links_are_not_followed(archived: Archived, tmp_path: Path, name: str) -> None:
    folder = archived.copy(tmp_path)
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert f"{folder / name} cannot be read as a file" in archived.refuses(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert f"{folder / name} is no regular file" in archived.refuses(folder)


def test_an_archive_that_is_a_link(archived: Archived, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a").symlink_to(archived.folder / archived.leaf)
    assert "is no directory of an archive" in archived.refuses(tmp_path / "linked")


def test_no_archive(archived: Archived, tmp_path: Path) -> None:
    assert "there is no archive in" in archived.refuses(tmp_path)


def test_one_bad_archive_among_good_ones_stops_all(archived: Archived, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    shutil.copytree(archived.folder, folder)
    (folder / archived.second / MANIFEST).write_text("{}")
    archived.refuses(folder)


@pytest.mark.parametrize("which", ["leaf", "empty"])
def test_an_archive_of_another_store(archived: Archived, db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path,
                                     which: str) -> None:  # fmt: skip
    Shelf(db, connect)
    own = tmp_path / "own"
    own.mkdir()
    succeeds(archive(esdb, own))
    before = states(db)
    result = restore(esdb, archived.folder / getattr(archived, which))
    assert "invalid argument: manifest (SE009)" in refused(result)
    assert states(db) == before
    # nor does it write over the other's
    succeeds(restore(esdb, own))
    assert "holds another archive" in refused(archive(esdb, archived.folder))
    assert states(db) == {}


def test_what_is_attached_is_not_restored(db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    shelf = Shelf(db, connect)
    succeeds(archive(esdb, tmp_path))
    succeeds(restore(esdb, tmp_path))
    # a manifest of another seal than the partition's own now is refused
    reseal = "update esdb.seals set sealed_at = sealed_at {} interval '1 second' where lower_bound = {}"
    db.execute(sql.SQL(reseal).format(sql.SQL("+"), shelf.months[1]))
    assert f"{shelf.leaves[1]} is not archived in this store" in refused(restore(esdb, tmp_path))
    db.execute(sql.SQL(reseal).format(sql.SQL("-"), shelf.months[1]))
    old = connect()
    old.execute("begin; select 1")
    archive(esdb, tmp_path, "--wait", "0")
    assert states(db) == {shelf.leaves[0]: "detaching"}
    result = restore(esdb, tmp_path / shelf.leaves[0])
    assert f"{shelf.leaves[0]} is not archived in this store" in refused(result)
    assert "its table is still there" in result.stderr


def test_a_directory_that_cannot_be_used(db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    shelf = Shelf(db, connect)
    leaf = shelf.leaves[0]
    assert "does not exist" in archive(esdb, tmp_path / "missing").stderr
    (tmp_path / leaf).write_text("a file where the directory goes")
    assert f"{tmp_path / leaf} is no directory" in refused(archive(esdb, tmp_path))
    (tmp_path / leaf).unlink()
    (tmp_path / leaf).symlink_to("/dev")
    assert f"{tmp_path / leaf} is no directory" in refused(archive(esdb, tmp_path))
    (tmp_path / leaf).unlink()
    (tmp_path / leaf).mkdir()
    (tmp_path / leaf / f"{EVENTS}.partial").symlink_to(tmp_path / "elsewhere")
    assert "cannot write" in refused(archive(esdb, tmp_path))
    assert not (tmp_path / "elsewhere").exists()
    # a failure that was told is taken back: the partition is nobody's but the table's
    assert states(db) == {}
    assert value(db, "select esdb._archived_until() = to_timestamp(0)")


def test_a_full_disk(db: Connection, connect: Connect, esdb: Esdb, tmp_path: Path) -> None:
    shelf = Shelf(db, connect)
    folder = tmp_path / shelf.leaves[0]
    folder.mkdir()
    limited = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh"]
    command = [*limited, str(esdb_program()), "partitions", "archive", "--older-than", age(), "--to", str(tmp_path)]
    result = subprocess.run(
        command, env=environment(db_url_of(db)), capture_output=True, text=True, check=False, timeout=60
    )
    assert "File too large" in refused(result)
    assert states(db) == {}
    assert list(folder.iterdir()) == []
    succeeds(archive(esdb, tmp_path))


def db_url_of(connection: Connection) -> str:
    info = connection.info
    return f"host={info.host} port={info.port} dbname={info.dbname} user={info.user}"
