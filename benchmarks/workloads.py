"""What is measured, and the part of the pgbench scripts that all targets share.

Streams are numbers of 12 digits, so that every target can make a name or a UUID of them at the same cost. Each client
has its own, except where the workload is about one hot stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STREAMS: Final = 10_000
"""Streams of one event that W2 starts from."""
READ_STREAMS: Final = 1_000
READ_LENGTH: Final = 100
"""Streams, and the events in each, that W5 and W6 read."""
PAGE: Final = 1_000
HISTORY: Final = READ_STREAMS * READ_LENGTH

STREAMS_BASE: Final = 200_000_000_000
HOT_STREAM: Final = 300_000_000_000
READ_BASE: Final = 400_000_000_000

NEW_STREAM: Final = r"""\set n :n + 1
\set stream 100000000000 + :client_id * 1000000000 + :n
"""
# Streams are dealt out to the clients, who go round in theirs and know the version that each has reached.
KNOWN_STREAM: Final = rf"""\set own {STREAMS} / :clients
\set stream {STREAMS_BASE} + (:n % :own) * :clients + :client_id
\set version 1 + :n / :own
\set n :n + 1
"""
SOME_STREAM: Final = rf"""\set stream {READ_BASE} + random(0, {READ_STREAMS - 1})
"""
# Each client pages through the whole feed, from a place of its own.
NEXT_PAGE: Final = rf"""\set cursor (:client_id * 25000 + :n * {PAGE}) % {HISTORY}
\set n :n + 1
"""


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    key: its name in results; script: the name of the targets' script; store: the data it starts from (`empty`,
    `streams` or `history`); events_read: by one transaction, 0 where it writes and the events written are counted.
    clients: the numbers of clients to measure with; None for those of the whole run. half_load: what is wanted is the
    latency while transactions arrive half as fast as the target could do them.
    """

    key: str
    title: str
    script: str
    store: str
    events_read: int = 0
    clients: tuple[int, ...] | None = None
    old_snapshot: bool = False
    flush_microseconds: int = 0
    half_load: bool = False


WORKLOADS: Final = (
    Workload("W1", "append 1 event, new stream", "new_stream", "empty"),
    Workload("W2", f"append 1 event, exact version, {STREAMS:,} streams", "known_version", "streams"),
    Workload("W3-10", "append 10 events, new stream", "batch10", "empty"),
    Workload("W3-100", "append 100 events, new stream", "batch100", "empty"),
    Workload("W4", "append to one hot stream, successes", "hot", "streams", clients=(16,)),
    Workload("W4b", "the same beside an old snapshot", "hot", "streams", clients=(16,), old_snapshot=True),
    Workload("W5", f"read a stream of {READ_LENGTH}", "read_stream", "history", events_read=READ_LENGTH),
    Workload("W6", f"read the feed in pages of {PAGE:,}", "read_feed", "history", events_read=PAGE, clients=(4,)),
    Workload("W1-flush", "W1 with a flush of 1 ms", "new_stream", "empty", clients=(32,), flush_microseconds=1000),
    Workload("W1-latency", "W1 at half the rate that saturates", "new_stream", "empty", clients=(16,), half_load=True),
)
