"""`esdb import` of many batches, written side by side: order, faults and faults of others, whatever gets in between."""

from __future__ import annotations

import json
import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esdb_cli.import_lines import Batch
from tests.feed_support import Crew, append, append_many, until, value
from tests.fixtures import Connect, Connection, Esdb
from tests.import_support import BATCH, assert_sound, event, events, report, stored, text, write
from tests.test_import_runs import count, importers, start

DISORDER = (
    "select count(*) from (select version < lag(version) over (partition by aggregate_id order by position) as is_back"
    " from esdb.events) as e where is_back"
)
"""How many events have a higher position than a later one of their stream."""


def test_a_killed_import_leaves_the_beginning_of_the_file(
    db: Connection, db_url: str, esdb: Esdb, tmp_path: Path
) -> None:
    given = events(BATCH * 6, streams=BATCH * 3 // 20, step=timedelta(seconds=20))
    file = write(tmp_path / "f", given)
    with start(db_url, file) as process:
        until(lambda: count(db) >= BATCH * 2, "some batches")
        process.kill()
    until(lambda: importers(db) == 0, "the killed import's sessions end")
    there = count(db)
    assert there % BATCH == 0
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given[:there]]
    assert_sound(db_url)

    again = report(esdb("import", file, "--json"))
    assert (again["events"], again["known"]) == (len(given) - there, there)
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    assert_sound(db_url)


def test_an_id_that_an_earlier_batch_has_is_a_fault(db: Connection, db_url: str, esdb: Esdb, tmp_path: Path) -> None:
    given = events(BATCH * 4, streams=BATCH // 5)
    given[BATCH + 10]["id"] = given[BATCH - 10]["id"]
    file = write(tmp_path / "f", given)
    stopped = esdb("import", file)
    assert stopped.returncode == 1
    stream = f"s-{BATCH // 5 - 10}"
    fault = f"line {BATCH + 11}: id id-{stream}-5 is that of version 5 of stream {stream}"
    assert fault in stopped.stderr
    assert count(db) == BATCH

    skipped = esdb("import", file, "--on-error", "skip", "--json")
    assert fault in skipped.stderr
    # and what follows it in its stream
    left = [row for row in given if row["aggregate_id"] != "s-10" or row["version"] < 6]
    assert report(skipped)["refused"] == len(given) - len(left)
    assert [row["id"] for row in stored(db)] == [row["id"] for row in left]
    assert_sound(db_url)


@pytest.mark.parametrize("commits", [False, True])
def test_an_append_in_progress_holds_up_its_batch_and_those_behind(
    db: Connection, db_url: str, connect: Connect, tmp_path: Path, *, commits: bool
) -> None:
    given = events(BATCH * 4, streams=BATCH // 5)
    given[BATCH + 5] = event(BATCH + 6, "new", 1)
    given = [row for row in given if row["aggregate_id"] != "s-5" or row["version"] < 6]
    appender = connect(autocommit=False)
    append(appender, "new")
    with start(db_url, write(tmp_path / "f", given)) as process:
        until(lambda: count(db) == BATCH, "the batch before")
        until(lambda: waits_alone(db), "the batch waits, and those behind have withdrawn")
        (appender.commit if commits else appender.rollback)()
        _, errors = process.communicate(timeout=120)
    if commits:
        assert process.returncode == 1
        assert f"line {BATCH + 6}: stream new has another event as its version 1" in errors
        assert count(db) == BATCH + 1
    else:
        assert process.returncode == 0, errors
        assert [row["id"] for row in stored(db)] == [row["id"] for row in given]
    assert_sound(db_url)


def waits_alone(observer: Connection) -> bool:
    """Tell whether a batch waits for another transaction without a limit, and no other has written anything."""
    row = observer.execute(
        "select count(*) filter (where a.wait_event_type = 'Lock' and a.query like '%_import_batch%'),"
        " count(*) filter (where l.pid is not null)"
        " from pg_stat_activity as a"
        " left join lateral (select distinct k.pid from pg_locks as k where k.pid = a.pid"
        " and k.relation = 'esdb.events'::regclass and k.mode = 'RowExclusiveLock') as l on true"
        " where a.application_name = 'esdb'"
    ).fetchone()
    return row == (1, 0)


def test_appends_to_streams_of_the_file_never_fail(
    db: Connection, db_url: str, connect: Connect, esdb: Esdb, tmp_path: Path
) -> None:
    streams = 2000
    given = events(BATCH * 4, streams=streams)
    assert esdb("import", write(tmp_path / "f", given[:streams])).returncode == 0
    file = write(tmp_path / "f", given)
    stop = threading.Event()
    appended: list[str] = []

    def append_some(seed: int) -> None:
        rng = random.Random(seed)
        connection = connect()
        while not stop.wait(0.05):
            stream = f"s-{rng.randrange(streams)}"
            append_many(connection, stream, 2)
            appended.append(stream)

    crew = Crew()
    for seed in range(2):
        crew.start(append_some, seed)
    result = esdb("import", file, "--on-error", "skip", "--json")
    stop.set()
    crew.join()
    assert result.returncode in {0, 3}, result.stderr
    done = report(result)
    assert done["events"] + done["known"] + done["refused"] == len(given)
    assert appended
    assert count(db) == streams + done["events"] + 2 * len(appended)
    imported = [row["id"] for row in stored(db) if row["recorded_by"] == "app"]
    taken = set(imported)
    assert imported == [row["id"] for row in given if row["id"] in taken]
    assert value(db, DISORDER) == 0
    assert_sound(db_url)


TRICKY: list[dict[str, Any]] = [
    {"payload": {"text": ',"metadata":{"a":1},"recorded_by":"x"}'}, "metadata": {"text": '},"metadata":null'}},
    {"payload": {"payload": {}, "metadata": {}, "recorded_by": "x"}, "metadata": {"x": {}, "metadata": {"y": {}}}},
    {"payload": {"text": 'a "quote", \\ \t \n \x7f é 漢字 🙂 \u2028 \\.'}, "metadata": {"n": [1, 2.50, -1e-7, None]}},
    {"id": "ä:{}[],-\x7f", "action_type": "ünï", "recorded_by": "null", "event_type": "{}"},
    {"id": "null", "aggregate_type": "a\\b", "recorded_by": "a\tb", "event_type": 'say "x"'},
    {"occurred_at": "0001-02-03T04:05:06.789-03:30"},
    {"occurred_at": "9999-12-31T23:59:59Z", "schema_version": 32767},
    {"timestamp": "2025-03-31T00:00:00", "payload": {"n": 0.1}},
]
"""What the columns of an event may hold, and what a line that is split without reading its JSON may be taken for."""


def test_lines_that_are_split_and_lines_that_are_read_give_the_same_events(
    db: Connection, esdb: Esdb, tmp_path: Path
) -> None:
    given = [event(n, f"s-{n}", 1, **changes) for n, changes in enumerate(TRICKY, 1)]
    mixed = [dict(reversed(row.items())) for row in given]
    for number, lines in enumerate((
        [json.dumps(row) for row in given],
        [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in given],
        [json.dumps(row, ensure_ascii=False) + "\r" for row in mixed],
    )):  # fmt: skip
        for line in lines:  # each alone, so that no other line decides how it is read
            result = esdb("import", write(tmp_path / "f", [line]), "--json")
            assert report(result)["events" if number == 0 else "known"] == 1, (line, result.stderr)
    expected = [(row["id"], row["payload"], row["metadata"], row["recorded_by"], row["event_type"]) for row in given]
    assert expected == [
        (row["id"], row["payload"], row["metadata"], row["recorded_by"], row["event_type"]) for row in stored(db)
    ]
    assert value(db, "select count(*) from esdb.events where timestamp = '2025-03-31 00:00:00+00'") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"position": 1,', '"position": 01,'),
        ('"id": "id-s-1"', '"id": "null"'),
        ('"id": "id-s-1"', f'"id": "{65 * "a"}"'),
        ('"action_type": "create"', '"action_type": "creation-it"'),
        ('"schema_version": 1', '"schema_version": 32768'),
        ('"occurred_at": null', '"occurred_at": "0000-01-01T00:00:00Z"'),
        ('"occurred_at": null', '"occurred_at": "9999-12-31T23:59:59-01"'),
        ('{"number": 1}', '{"number": 1e1048576}'),
        ('{"number": 1}', '{"number": [0.5E+524288 , -1e-524288]}'),
        ('{"number": 1}', f'{{"text": "{(1 << 19) * "a"}"}}'),
        ('"position": 1,', '"position": -1,'),
        ('"position": 1,', '"position": "1",'),
        ('"id": "id-s-1"', '"id": "id\\u0041"'),
        ('"id": "id-s-1"', '"id": ""'),
        ('"id": "id-s-1"', '"id": "a\tb"'),
        ('"id": "id-s-1"', '"id": "a\x1fb"'),
        ('"occurred_at": null', '"occurred_at": "null"'),
        ('"occurred_at": null', '"occurred_at": null"'),
        ('"occurred_at": null', '"occurred_at": 2025-01-01T00:00:00Z'),
        ('"occurred_at": null', '"occurred_at": "2025-01-01T00:00:00Z'),
        ('"occurred_at": null', '"occurred_at": "now"'),
        ('"payload": {"number": 1}', '"payload": [1]'),
        ('"metadata": null', '"metadata": "x"'),
        ('"recorded_by": "app"}', '"recorded_by": "app"} {}'),
        ('{"position"', ' {"position"'),
    ],
)
def test_what_is_not_surely_an_event_is_not_split(old: str, new: str) -> None:
    line = text([event(1, "s", 1)])[:-1]
    assert Batch(0, 1, [line.encode()], 0).split(1 << 20) is not None
    changed = line.replace(old, new)
    assert changed != line
    assert Batch(0, 1, [changed.encode()], 0).split(1 << 20) is None


@pytest.mark.parametrize("payload", [{"numbers": [1e-7, 1e300], "text": "5e"}, {"text": "1e9999999", "e": [2, 3]}])
def test_small_numbers_and_texts_like_numbers_are_split(payload: dict[str, Any]) -> None:
    line = text([event(1, "s", 1, payload=payload)])[:-1]
    assert Batch(0, 1, [line.encode()], 0).split(1 << 20) is not None


def test_positions_out_of_order_are_not_split() -> None:
    for positions in ((2, 1), (1, 1)):
        lines = [text([event(position, f"s-{n}", 1)])[:-1].encode() for n, position in enumerate(positions)]
        assert Batch(0, 1, lines, 0).split(1 << 20) is None


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ('{"number": 1 2}', "no JSON: invalid input syntax for type json"),
        ('{"text": "\\u0000"}', "no JSON: unsupported Unicode escape sequence"),
        # a megabyte as text
        ('{"numbers": [' + ",".join(["1e131000"] * 9) + "]}", "payload too large: 1179"),
    ],
)
def test_a_payload_that_is_found_bad_when_it_is_written(
    db: Connection, db_url: str, esdb: Esdb, tmp_path: Path, payload: str, fault: str
) -> None:
    given = events(BATCH * 4, streams=BATCH // 5)
    lines = [json.dumps(row) for row in given]
    bad = BATCH * 2 + 10
    lines[bad] = lines[bad].replace(json.dumps(given[bad]["payload"]), payload)
    file = write(tmp_path / "f", list(lines))
    stopped = esdb("import", file)
    assert stopped.returncode == 1
    assert f"line {bad + 1}: {fault}" in stopped.stderr
    assert [row["id"] for row in stored(db)] == [row["id"] for row in given[: BATCH * 2]]

    skipped = esdb("import", file, "--on-error", "skip", "--json")
    assert f"line {bad + 1}: {fault}" in skipped.stderr
    left = [
        row for row in given
        if row["aggregate_id"] != given[bad]["aggregate_id"] or row["version"] < given[bad]["version"]
    ]  # fmt: skip
    assert report(skipped)["refused"] == len(given) - len(left)
    assert [row["id"] for row in stored(db)] == [row["id"] for row in left]
    assert_sound(db_url)


def test_no_batch_reads_all_streams(db: Connection, esdb: Esdb, tmp_path: Path) -> None:
    given = events(BATCH * 3, streams=BATCH // 2, step=timedelta(seconds=1))
    assert esdb("import", write(tmp_path / "f", given[:BATCH])).returncode == 0

    def scans(kind: str) -> int:
        db.execute("select pg_stat_clear_snapshot()")
        return int(value(db, f"select {kind} from pg_stat_user_tables where relid = 'esdb.streams'::regclass"))

    until(lambda: scans("idx_scan") > 0, "the statistics of the first import")
    whole, looked_up = scans("seq_scan"), scans("idx_scan")
    assert esdb("import", write(tmp_path / "g", given[BATCH:])).returncode == 0
    until(lambda: scans("idx_scan") >= looked_up + 2 * BATCH, "the statistics of the second one")
    assert scans("seq_scan") == whole
