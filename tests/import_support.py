"""Files of events for the tests of import and export, and stores to put them into."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.databases import run_esdb
from tests.feed_clock import utc
from tests.fixtures import Connection

BATCH = 6_000
"""Lines of a batch."""
START = utc(2025, 3, 30)
"""When the events of the files begin: in a month that no store has, and two days before the next one."""

STREAMS = (
    "select aggregate_id, aggregate_type, bounded_context, group_context, version, month_version, created_at,"
    " updated_at, deleted_at from esdb.streams order by aggregate_id"
)
MONTHS = "select * from esdb.stream_months order by aggregate_id, month"


def event(position: int, stream: str, version: float, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """Give an event as a line holds it, a minute after the one of the position before."""
    return {
        "position": position,
        "id": f"id-{stream}-{version}",
        "bounded_context": "b",
        "group_context": "m",
        "feature_context": "c" if version == 1 else "u",
        "action_type": "create" if version == 1 else "update",
        "aggregate_type": "bookmark",
        "aggregate_id": stream,
        "event_type": "Happened",
        "schema_version": 1,
        "version": version,
        "timestamp": (at or START + timedelta(minutes=position)).isoformat(),
        "occurred_at": None,
        "payload": {"number": position},
        "metadata": None,
        "recorded_by": "app",
        **changes,
    }


def events(count: int, streams: int = 10, step: timedelta = timedelta(minutes=1)) -> list[dict[str, Any]]:
    """Give events of several streams in turn."""
    return [
        event(number + 1, f"s-{number % streams}", number // streams + 1, START + step * number)
        for number in range(count)
    ]


def text(lines: Iterable[dict[str, Any] | str]) -> str:
    """Give events, and lines that are none, as a file's text."""
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def write(path: Path, lines: Iterable[dict[str, Any] | str]) -> str:
    """Write a file of events and lines that are none; give its name."""
    path.write_text(text(lines), encoding="utf-8")
    return str(path)


def stored(connection: Connection) -> list[dict[str, Any]]:
    """Give every event without its position, in order."""
    rows = connection.execute("select to_jsonb(e) - 'position' from esdb.events as e order by e.position")
    return [event for (event,) in rows]


def assert_sound(url: str) -> None:
    """Nothing is wrong with the store."""
    result = run_esdb("verify", url=url)
    assert (result.returncode, result.stdout) == (0, "ok\n"), result.stdout + result.stderr


def report(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Give what a command with --json printed."""
    assert result.stdout, result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found
