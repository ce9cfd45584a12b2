"""Imports of files that are wrong in many ways, in small batches: what comes of them, by a model, whatever the jobs."""

from __future__ import annotations

import io
import itertools
import json
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esdb_cli.import_lines import batches
from esdb_cli.import_run import Fault, Import
from tests.feed_support import append, until
from tests.fixtures import Connect, Connection
from tests.import_support import START, event, text
from tests.test_import_beside import waits_alone

_runs = itertools.count(1)


@dataclass
class Outcome:
    """What came of an import: the ids stored, in order, and line by line what was refused."""

    events: list[tuple[str, int]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    known: int = 0


@dataclass(frozen=True)
class Line:
    """A line to be: a step of a stream, and what is wrong with it."""

    stream: int
    flaw: str


FLAWS = ("gap", "again", "changed", "type", "context", "back", "text", "month", "id", "position")
MODELLED = FLAWS[:-2]


def lines(flaws: tuple[str, ...]) -> st.SearchStrategy[list[Line]]:
    """Give files: mostly good lines."""
    flaw = st.one_of(*[st.just("")] * 4, st.sampled_from(("", *flaws)))
    return st.lists(st.builds(Line, st.integers(0, 4), flaw), min_size=1, max_size=60)


def flawed(row: dict[str, Any], number: int, run: str, flaw: str) -> dict[str, Any]:
    """Give what a flaw makes of a good event."""
    changes: dict[str, dict[str, Any]] = {
        "gap": {"version": row["version"] + 1},
        "changed": {"version": max(1, row["version"] - 1), "id": row["id"] + "-changed"},
        "type": {"aggregate_type": "tag"},
        "context": {"bounded_context": "n"},
        "back": {"timestamp": (START - timedelta(days=number)).isoformat()},
        "month": {"timestamp": (START + timedelta(days=20, minutes=number)).isoformat()},
        "id": {"id": f"id-{run}-0-1"},
        "position": {"position": max(1, number - 3)},
    }
    return {**row, **changes.get(flaw, {})}


def file_of(steps: list[Line], run: str) -> list[str]:
    """Give the text of each line."""
    versions: dict[int, int] = {}
    found: list[str] = []
    row: dict[str, Any] = {}
    for number, step in enumerate(steps, 1):
        version = versions[step.stream] = versions.get(step.stream, 0) + 1
        if step.flaw == "again" and row:
            row = {**row, "position": number}
        else:
            row = flawed(event(number, f"{run}-{step.stream}", version), number, run, step.flaw)
        found.append("{" if step.flaw == "text" else json.dumps(row))
    return found


def expected(given: list[str], size: int) -> Outcome:
    """Say what has to come of the lines in batches of a size."""
    outcome = Outcome()
    streams: dict[str, tuple[str, str, int, str]] = {}
    there: dict[tuple[str, int], dict[str, Any]] = {}
    for first in range(0, len(given), size):
        before = dict(streams)
        for number, line in enumerate(given[first : first + size], first + 1):
            if line == "{":
                outcome.refused[number] = "text"
                continue
            row = json.loads(line)
            del row["position"]
            name, version = row["aggregate_id"], row["version"]
            kind, context, at, time = streams.get(
                name, (row["aggregate_type"], row["bounded_context"], 0, row["timestamp"])
            )
            stored = before[name][2] if name in before else 0
            if (kind, context) != (row["aggregate_type"], row["bounded_context"]):
                outcome.refused[number] = "type"
            elif version <= stored:
                if there[name, version] == row:
                    outcome.known += 1
                else:
                    outcome.refused[number] = "changed"
            elif version != at + 1:
                outcome.refused[number] = "gap"
            elif row["timestamp"] < time:
                outcome.refused[number] = "back"
            else:
                streams[name] = (kind, context, version, row["timestamp"])
                there[name, version] = row
                outcome.events.append((name, version))
    return outcome


def imported(db: Connection, url: str, given: list[str], run: str, size: int, jobs: int) -> Outcome:
    """Import the lines for real."""
    outcome = Outcome()

    def refuse(faults: list[Fault]) -> None:
        outcome.refused |= {fault.line: fault.fault.replace(f"{run}-", "") for fault in faults}

    content = io.BytesIO("\n".join(given).encode())
    importing = Import(
        url=url, name=run, batches=batches(content, size, 1 << 20, 1 << 20), max_payload_bytes=1 << 20,
        goes_on=True, jobs=jobs, report_faults=refuse,
    )  # fmt: skip
    importing.run()
    rows = db.execute(
        "select aggregate_id, version from esdb.events where aggregate_id like %s order by position", (f"{run}-%",)
    )
    outcome.events = rows.fetchall()
    outcome.known = importing.totals.known
    assert importing.totals.lines == len(given)
    assert importing.totals.events == len(outcome.events)
    assert list(outcome.refused) == sorted(outcome.refused)
    return outcome


QUIET = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@QUIET
@given(steps=lines(MODELLED), size=st.integers(1, 12))
def test_an_import_keeps_what_fits_and_names_the_rest(
    db: Connection, db_url: str, steps: list[Line], size: int
) -> None:
    run = f"m{next(_runs)}"
    lines_given = file_of(steps, run)
    model, real = expected(lines_given, size), imported(db, db_url, lines_given, run, size, jobs=4)
    assert real.events == model.events
    assert list(real.refused) == list(model.refused), real.refused
    assert real.known == model.known


@QUIET
@given(steps=lines(FLAWS), size=st.integers(1, 12))
def test_jobs_make_no_difference(db: Connection, db_url: str, steps: list[Line], size: int) -> None:
    found = []
    for jobs in (1, 4):
        run = f"j{next(_runs)}"
        outcome = imported(db, db_url, file_of(steps, run), run, size, jobs)
        outcome.events = [(name.removeprefix(f"{run}-"), version) for name, version in outcome.events]
        found.append(outcome)
    assert found[0] == found[1]


def test_a_batch_that_is_not_plain_does_not_hold_up_one_in_front(db: Connection, db_url: str, connect: Connect) -> None:
    old, new = event(1, "old-1", 1), event(1, "new", 1)
    imported(db, db_url, [json.dumps(old)], "old", 1, jobs=1)
    appender = connect(autocommit=False)
    append(appender, "new")
    importing = Import(
        url=db_url, name="second", max_payload_bytes=1 << 20, jobs=2,
        batches=batches(io.BytesIO(text([new, {**old, "position": 2}]).encode()), 1, 1 << 20, 1 << 20),
    )  # fmt: skip
    thread = threading.Thread(target=importing.run, daemon=True)
    thread.start()
    until(lambda: waits_alone(db), "the first batch waits, although the second had begun")
    appender.rollback()
    thread.join(60)
    assert not thread.is_alive()
    assert (importing.totals.events, importing.totals.known) == (1, 1)
