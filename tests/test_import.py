"""`esdb import` and `esdb export`: equal events, bad lines, what is there already."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.databases import Databases
from tests.feed_support import append, append_many, call, value
from tests.fixtures import Connection, Esdb
from tests.import_support import MONTHS, START, STREAMS, assert_sound, event, events, report, stored, text, write

PAYLOADS: list[dict[str, Any]] = [
    {},
    {"text": 'quote " backslash \\ tab \t line \n return \r \\. \\N é 漢字 🙂'},
    {"a": {"b": [1, 2.50, None, True]}, "": ""},
]


@pytest.fixture
def other_url(databases: Databases) -> Iterator[str]:
    """The URL of a second store."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_exported_and_imported_elsewhere_is_equal(
    db: Connection, esdb: Esdb, other_url: str, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    for number in range(150):
        stream = f"s-{rng.randrange(30)}"
        context = "bnptcrse"[sum(map(ord, stream)) % 8]
        deleted = value(
            db, "select bool_or(deleted_at is not null) from esdb.streams where aggregate_id = %s", (stream,)
        )
        match rng.randrange(8):
            case 0 if deleted is False:
                call(db, "delete_stream", aggregate_id=stream)
            case 1 if deleted:
                call(db, "restore_stream", aggregate_id=stream)
            case _ if deleted:
                pass
            case 2:
                append_many(db, stream, rng.randrange(1, 60), bounded_context=context, metadata=Jsonb({"user_id": "é"}))
            case _:
                append(
                    db, stream, bounded_context=context, payload=Jsonb(rng.choice(PAYLOADS)), schema_version=number + 1,
                    occurred_at=datetime(rng.randrange(1, 9999), 2, 3, tzinfo=UTC), group_context=rng.choice("mcs"),
                )  # fmt: skip
    # a number that no float holds, and positions that were never given out
    db.execute(
        "select esdb.append_event('exact', 'Happened', '{\"n\": 1234567890123456789012345.000000000000000000010}',"
        " bounded_context => 'b', group_context => 'm')"
    )
    db.execute("select nextval('esdb.event_position') from generate_series(1, 100000)")
    append(db, "s-last")
    exported = esdb("export", env={"PGTZ": "Asia/Tokyo"})
    assert exported.returncode == 0, exported.stderr
    lines = exported.stdout.split("\n")[:-1]
    db.execute("set timezone = 'UTC'")
    expected = db.execute("select row_to_json(e)::text from esdb.events as e order by position")
    assert lines == [line for (line,) in expected]

    file = tmp_path / "events.ndjson"
    file.write_text(exported.stdout, encoding="utf-8")
    result = esdb("import", str(file), "--json", url=other_url, env={"PGTZ": "America/New_York"})
    assert result.returncode == 0, result.stderr
    assert report(result)["events"] == len(lines)
    with psycopg.connect(other_url, autocommit=True) as other:
        assert stored(other) == stored(db)
        assert other.execute(STREAMS).fetchall() == db.execute(STREAMS).fetchall()
        assert other.execute(MONTHS).fetchall() == db.execute(MONTHS).fetchall()
        again = esdb("export", url=other_url)
        assert again.returncode == 0, again.stderr
        assert [_without_position(line) for line in again.stdout.split("\n")[:-1]] == [
            _without_position(line) for line in lines
        ]
        append(other, "exact", expected_version=1)
    assert_sound(other_url)


def _without_position(line: str) -> str:
    first, _, rest = line.partition(",")
    assert first.startswith('{"position":')
    return rest


def test_old_months_are_made_and_noted(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(400, streams=7, step=timedelta(hours=11))
    result = esdb("import", write(tmp_path / "f", given), "--json")
    assert result.returncode == 0, result.stderr
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    months = value(
        db, "select count(*) from esdb.partitions where bounded_context = 'b' and upper_bound <= '2025-11-01'"
    )
    assert months == 7
    entered = {(row["aggregate_id"], row["timestamp"][:7]) for row in given}
    assert value(db, "select count(*) from esdb.stream_months") == len(entered) - 7
    assert value(db, "select recorded_by from esdb.events limit 1") == "app"
    assert_sound(db_url)
    assert [v for (v,) in db.execute("select version from esdb.read_stream('s-3')")] == list(range(1, 58))
    # the stream goes on, and so does a second file
    append(db, "s-3", expected_version=57)
    more = [event(1, "s-4", 58, START + timedelta(days=200)), event(2, "s-4", 59, START + timedelta(days=201))]
    assert report(esdb("import", write(tmp_path / "g", more), "--json"))["events"] == 2
    assert_sound(db_url)


def test_what_is_there_already_is_left_out(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(100)
    assert report(esdb("import", write(tmp_path / "f", given[:60]), "--json"))["events"] == 60
    again = report(esdb("import", write(tmp_path / "f", given), "--json"))
    assert (again["events"], again["known"], again["refused"]) == (40, 60, 0)
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    changed = [*given[:50], {**given[50], "payload": {"number": "another"}}, *given[51:]]
    result = esdb("import", write(tmp_path / "f", changed))
    assert result.returncode == 1
    assert "line 51: stream s-0 has another event as its version 6" in result.stderr
    assert_sound(db_url)


BAD: dict[str, tuple[dict[str, Any] | str, str]] = {
    "no json": ("not json", "no JSON"),
    "an empty line": ("", "no JSON"),
    "half a line": (json.dumps(event(6, "bad", 1))[:70], "no JSON"),
    "deep": ("[" * 100_000, "no JSON"),
    "an array": ("[]", "a JSON array"),
    "a zero": (json.dumps(event(6, "bad", 1, payload={"a": "\0"})), "no JSON"),
    "a half pair": (json.dumps(event(6, "bad", 1)).replace("Happened", "\\ud800"), "no JSON"),
    "a missing key": ({k: v for k, v in event(6, "bad", 1).items() if k != "metadata"}, "missing: metadata"),
    "an unknown key": (event(6, "bad", 1, tenant=1), "unknown key: tenant"),
    "a number as id": (event(6, "bad", 1, id=5), "wrong type: id is number"),
    "a text as payload": (event(6, "bad", 1, payload="x"), "wrong type: payload is string"),
    "an array as metadata": (event(6, "bad", 1, metadata=[]), "wrong type: metadata is array"),
    "null as type": (event(6, "bad", 1, event_type=None), "wrong type: event_type is null"),
    "an unknown context": (event(6, "bad", 1, bounded_context="zz"), "unknown context: bounded zz"),
    "an unknown group": (event(6, "bad", 1, group_context="z"), "unknown context: group z"),
    "an unknown feature": (event(6, "bad", 1, feature_context="long"), "unknown context: feature long"),
    "a long id": (event(6, "bad", 1, id="x" * 65), "id has 65 characters"),
    "an empty stream": (event(6, "", 1), "aggregate_id has 0 characters"),
    "a long action": (event(6, "bad", 1, action_type="x" * 11), "action_type has 11 characters"),
    "half a version": (event(6, "bad", 1.5), "version is no whole number"),
    "version 0": (event(6, "bad", 0), "version is no whole number"),
    "a huge version": (event(6, "bad", 10**30), "version is no whole number"),
    "a shape too high": (event(6, "bad", 1, schema_version=40000), "schema_version is no whole number"),
    "now": (event(6, "bad", 1, timestamp="now"), "timestamp is no time"),
    "infinity": (event(6, "bad", 1, timestamp="infinity"), "timestamp is no time"),
    "the 30th of February": (event(6, "bad", 1, timestamp="2025-02-30T00:00:00Z"), "timestamp is no time"),
    "the future": (event(6, "bad", 1, timestamp="2999-01-01T00:00:00Z"), "is not of the past"),
    "before 1970": (event(6, "bad", 1, timestamp="1969-12-31T23:59:59Z"), "is not of the past"),
    "business time": (event(6, "bad", 1, occurred_at="yesterday"), "occurred_at is no time"),
    "a version gap": (event(6, "a", 7), "version 7 of stream a does not follow version 5"),
    "a new stream's gap": (event(6, "bad", 2), "version 2 of stream bad does not follow version 0"),
    "a version twice": (event(6, "a", 5, id="other"), "version 5 of stream a does not follow version 5"),
    "time backwards": (event(6, "a", 6, START), "is before that of the version before"),
    "another context": (event(6, "a", 6, bounded_context="n"), "not of bookmark in n"),
    "another type": (event(6, "a", 6, aggregate_type="x"), "not of x in b"),
    "a position twice": (event(5, "bad", 1), "position 5 is not above 5"),
    "an id twice": (event(6, "bad", 1, id="id-a-3"), "id id-a-3 is that of line 3, too"),
    "a large payload": (event(6, "bad", 1, payload={"x": "y" * 1_100_000}), "payload too large: 1100009 bytes"),
    "large metadata": (event(6, "bad", 1, metadata={"x": "y" * 1_100_000}), "metadata too large: 1100009 bytes"),
    "long numbers": (
        json.dumps(event(6, "bad", 1, payload={"x": 0})).replace('{"x": 0}', '{"x": [' + "1e120000, " * 9 + "0]}"),
        "payload too large: 1080037 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_line_stops_the_import_or_is_left_out(
    db: Connection, db_url: str, esdb: Esdb, tmp_path: Path, what: str
) -> None:
    bad, fault = BAD[what]
    good = [event(n, "a", n) for n in range(1, 6)] + [event(n, "c", n - 6) for n in range(7, 10)]
    lines: list[dict[str, Any] | str] = [*good[:5], bad, *good[5:]]
    file = write(tmp_path / "f", lines)
    rejects = tmp_path / "rejects"

    for mode in (["--dry-run"], []):
        stopped = esdb("import", file, "--rejects", str(rejects), *mode)
        assert stopped.returncode == 1, stopped.stderr
        assert f"line 6: {fault}"[:40] in stopped.stderr or fault in stopped.stderr
        assert "bad line: 6" in stopped.stderr
        assert stored(db) == []
        assert value(db, "select count(*) from esdb.streams") == 0

    for mode in (["--dry-run"], []):
        result = esdb("import", file, "--on-error", "skip", "--rejects", str(rejects), "--json", *mode)
        assert result.returncode == 3, result.stderr
        assert (report(result)["events"], report(result)["refused"]) == (8, 1)
        refused = json.loads(rejects.read_text())
        assert refused["line"] == 6
        assert fault in refused["fault"]
        assert refused["text"] == (bad if isinstance(bad, str) else json.dumps(bad))
    assert [row["id"] for row in stored(db)] == [row["id"] for row in good]
    assert_sound(db_url)


def test_bytes_that_are_no_text_and_long_lines_are_bad_lines(
    db: Connection, db_url: str, esdb: Esdb, tmp_path: Path
) -> None:
    good = [json.dumps(event(n, "a", n)).encode() for n in range(1, 4)]
    file = tmp_path / "f"
    file.write_bytes(b"\n".join([good[0], b"\xff\xfe", b"{\0}", b"x" * 20_000_000, good[1] + b"\r", good[2]]))
    result = esdb("import", str(file), "--on-error", "skip", "--rejects", str(tmp_path / "r"), "--json")
    assert result.returncode == 3, result.stderr
    rejects = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    assert [row["line"] for row in rejects] == [2, 3, 4]
    assert "longer than" in rejects[2]["fault"]
    assert [row["version"] for row in stored(db)] == [1, 2, 3]
    assert_sound(db_url)


def test_what_follows_a_refused_line_is_judged_by_the_last_one_taken(
    db: Connection, db_url: str, esdb: Esdb, tmp_path: Path
) -> None:
    given = [event(n, "a", n) for n in range(1, 8)]
    given[3]["id"] = ""
    other = [event(n, "c", n - 10) for n in range(11, 14)]
    result = esdb("import", write(tmp_path / "f", [*given, *other]), "--on-error", "skip", "--json")
    assert (report(result)["events"], report(result)["refused"]) == (6, 4)
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["line 4", "line 5", "line 6", "line 7"]
    assert [row["version"] for row in stored(db)] == [1, 2, 3, 1, 2, 3]
    assert_sound(db_url)
    # the same file, mended, brings the rest
    given[3]["id"] = "id-a-4"
    result = esdb("import", write(tmp_path / "f", [*given, *other]), "--json")
    assert (report(result)["events"], report(result)["known"]) == (4, 6)
    assert_sound(db_url)


def test_export_filters(esdb: Esdb, tmp_path: Path) -> None:
    given = events(60, streams=6, step=timedelta(hours=1))
    for number, row in enumerate(given):
        row["bounded_context"] = "bn"[number % 6 % 2]
        row["event_type"] = ["Made", "Moved", "Gone"][number % 3]
    assert esdb("import", write(tmp_path / "f", given)).returncode == 0

    def exported(*options: str) -> list[int]:
        result = esdb("export", *options)
        assert result.returncode == 0, result.stderr
        return [json.loads(line)["position"] for line in result.stdout.splitlines()]

    all_of_it = list(range(1, 61))
    assert exported() == all_of_it
    assert exported("--context", "n") == all_of_it[1::2]
    assert exported("--context", "n", "--context", "b", "--type", "Made", "--type", "Gone") == [
        p for p in all_of_it if p % 3 != 2
    ]
    assert exported("--after-position", "10", "--up-to-position", "20") == all_of_it[10:20]
    since, until = (START + timedelta(hours=hour) for hour in (5, 7))
    assert exported("--since", since.isoformat(), "--until", until.isoformat()) == [6, 7]
    assert exported("--up-to-position", "0") == []
    file = tmp_path / "out"
    assert esdb("export", str(file), "--jobs", "1").returncode == 0
    assert len(file.read_text().splitlines()) == 60


def test_an_empty_file_and_stdin(db: Connection, esdb: Esdb) -> None:
    assert report(esdb("import", "-", "--json"))["lines"] == 0
    assert report(esdb("import", "-", "--json", stdin=text(events(5))))["events"] == 5
    # the last line need not end
    assert report(esdb("import", "-", "--json", stdin=text([event(9, "z", 1)])[:-1]))["events"] == 1
    assert len(stored(db)) == 6


def test_import_needs_the_owner(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    file = write(tmp_path / "f", events(3))
    for role in ("esdb_writer", "esdb_maintainer"):
        result = esdb("import", file, env={"PGOPTIONS": f"-c role={role}"})
        assert result.returncode == 1
        assert "permission denied" in result.stderr
    assert esdb("export", env={"PGOPTIONS": "-c role=esdb_reader"}).returncode == 0
    assert stored(db) == []


def test_an_import_is_in_the_audit_log(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    file = write(tmp_path / "f", events(3))
    assert esdb("import", file).returncode == 0
    rows = db.execute("select subject, details from esdb.audit_log where action = 'import' order by number").fetchall()
    assert rows[0] == (file, {"state": "begun"})
    assert rows[1][1] == {
        "state": "ended", "lines": 3, "events": 3, "known": 0, "refused": 0, "min_position": 1, "max_position": 3,
        "unsealed": [],
    }  # fmt: skip
    # nothing new, nothing noted
    assert esdb("import", file).returncode == 0
    assert value(db, "select count(*) from esdb.audit_log where action = 'import'") == 2
