"""What `esdb verify` asks of the data: leaf by leaf, each a statement and so a snapshot of its own."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, LiteralString

from esdb_cli.verification import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from esdb_cli.db import Row

MOST_SHOWN = 100
"""Faults of a kind that are shown; of the others there is a number."""
IDS_AT_ONCE = 250_000
"""How many event ids one statement compares: half a second's worth."""
_BYTES_OF_AN_ID = 60
"""What an id counts in the measure of progress, which is bytes of leaves: about its share of a primary key."""
_TABLES: tuple[LiteralString, ...] = (
    "esdb_meta.stream_faults(%s, %s)",
    "esdb_meta.detached_head_faults(%s, %s)",
    "esdb_meta.deletion_faults(%s, %s)",
    "esdb_meta.snapshot_faults(%s, %s)",
    "esdb_meta.idempotency_key_faults(%s, %s)",
)


class Found:
    """Faults that are shown, and how many more there are of each kind."""

    def __init__(self) -> None:
        self.faults: list[Row] = []
        self.left_out: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()

    def add(self, rows: list[Row]) -> None:
        """Take the faults of one check; a row's `total` says how many of its kind the check found in all."""
        for kind, group in groupby(rows, lambda row: str(row["kind"])):
            same = list(group)
            shown = same[: MOST_SHOWN - self._shown[kind]]
            self.faults += [{column: row[column] for column in ("kind", "name", "fault")} for row in shown]
            self._shown[kind] += len(shown)
            self.left_out[kind] += max(same[0].get("total", 0), len(same)) - len(shown)
        self.left_out = +self.left_out


class DataChecks:
    """The checks of a store's data, or of one stream's. No transaction outlives one of their statements."""

    def __init__(self, connection: psycopg.Connection[Any], found: Found, stream: str | None = None) -> None:
        """Ask for the leaves to visit. Raises InvalidArgument (SE009) for a stream of which there is nothing."""
        self._connection = connection
        self._found = found
        self._stream = stream
        self._leaves = ask(connection, "esdb_meta.leaves(%s)", (stream,))
        ids = sum(leaf.get("rows_estimate", 0) for leaf in self._leaves) if stream is None else 0
        self.size = sum(map(self._weight, self._leaves)) + len(_TABLES) + ids * _BYTES_OF_AN_ID

    def run(self) -> Iterator[int]:
        """Make the checks one by one, and yield after each how much of `size` it was."""
        for leaf in self._leaves:
            if "leaf" not in leaf:  # the list itself could not be had
                self._found.add([leaf])
                continue
            parameters = (leaf["leaf"], self._stream, MOST_SHOWN, leaf["noted_count"], leaf["noted_hash"])
            self._found.add(ask(self._connection, "esdb_meta.leaf_faults(%s, %s, %s, %s, %s)", parameters))
            yield self._weight(leaf)
        for check in _TABLES:
            self._found.add(ask(self._connection, check, (self._stream, MOST_SHOWN)))
            yield 1
        if self._stream is None:
            yield from self._compare_ids()
        else:
            self._found.add(ask(self._connection, "esdb_meta.stream_id_faults(%s, %s)", (self._stream, MOST_SHOWN)))

    def _compare_ids(self) -> Iterator[int]:
        """Look for ids given to several events; a page's duplicates are asked after at once, while they are few."""
        last, count = "", IDS_AT_ONCE
        while True:
            (page,) = ask(self._connection, "esdb_meta.duplicate_ids(%s, %s)", (last, count))
            if "ids_read" not in page:
                self._found.add([page])
                return
            if page["duplicate_count"]:
                rows = ask(self._connection, "esdb_meta.duplicate_id_faults(%s)", (page["duplicates"],))
                self._found.add([{**row, "total": page["duplicate_count"]} for row in rows])
            yield page["ids_read"] * _BYTES_OF_AN_ID
            if page["ids_read"] < count:
                return
            if page["last_id"] == last:  # more events with one id than a page holds
                count *= 2
            last = page["last_id"]

    def _weight(self, leaf: Row) -> int:
        return int(leaf.get("bytes") or 0) + 1
