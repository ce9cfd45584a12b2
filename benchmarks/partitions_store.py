"""Stores with months of the past, filled by appends under a clock that is set.

Each month of each context holds streams that live in it alone, streams that come back every third month, and streams
of one event. Everything is appended by the store's own function, month after month, so positions follow the clock as
they do in a store that has run for years.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg

from benchmarks import events

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_LONGEST_SECONDS: Final = 3600
"""How long a command may take before it counts as hanging."""
CONTEXTS: Final = ("b", "n", "nt", "p", "t", "c", "r", "s", "e")
STREAMS_A_MONTH: Final = 5
STREAM_LENGTH: Final = 100
SPREAD_STREAMS: Final = 12
SPREAD_EVERY: Final = 3
"""A spread stream has one event in every so many months."""
SINGLES_A_MONTH: Final = 96

# The store finds its clock by the name, and what is made meanwhile depends on the function: so it is not dropped again
# but made what the server's own is.
_SET_CLOCK: Final = """
alter function pg_catalog.clock_timestamp() rename to real_clock_timestamp;
create function pg_catalog.clock_timestamp() returns timestamptz language sql volatile parallel safe
return coalesce(
    nullif(pg_catalog.current_setting('bench.clock', true), '')::timestamptz, pg_catalog.real_clock_timestamp());
"""
_RESET_CLOCK: Final = """
create or replace function pg_catalog.clock_timestamp() returns timestamptz
language internal volatile strict parallel safe
as 'clock_timestamp';
"""
_FILL: Final = """
select count(*)
from (
    select
        format('month-%%s-%%s-%%s', %(context)s::text, %(month)s::int, n) as aggregate_id,
        (select jsonb_agg(%(event)s::jsonb) from generate_series(1, %(length)s)) as events
    from generate_series(1, %(streams)s) as n
    union all
    select format('spread-%%s-%%s', %(context)s::text, n), jsonb_build_array(%(event)s::jsonb)
    from generate_series(1, %(spread)s) as n
    where n %% %(every)s = %(month)s::int %% %(every)s
    union all
    select format('single-%%s-%%s-%%s', %(context)s::text, %(month)s::int, n), jsonb_build_array(%(event)s::jsonb)
    from generate_series(1, %(singles)s) as n
) as s
cross join lateral esdb.append_events(
    aggregate_id => s.aggregate_id, events => s.events, bounded_context => %(context)s, group_context => 'm'
) as appended
"""


@dataclass(frozen=True)
class Store:
    """A database whose last month with events is the current one; months are numbered from 1."""

    database: str
    months: int

    @property
    def leaves(self) -> int:
        """Partitions with events."""
        return len(CONTEXTS) * self.months

    def month(self, number: int) -> datetime:
        """Give the start of a month."""
        return _month_before(datetime.now(UTC), self.months - number)


def build(cluster: Cluster, store: Store) -> None:
    """Make a store, fill all its months and seal those that are over."""
    begin(cluster, store)
    with ThreadPoolExecutor(4) as pool:
        for month in range(1, store.months + 1):
            at = store.month(month)
            for filled in [pool.submit(_fill, cluster, store, context, month, at) for context in CONTEXTS]:
                filled.result()
    finish(cluster, store)


def begin(cluster: Cluster, store: Store) -> None:
    """Make a store with all its months, whose clock is to be set."""
    cluster.create(store.database)
    cluster.execute(store.database, _SET_CLOCK)
    # a store begins with the month before that of its clock
    at = store.month(2)
    esdb(cluster, store, "migrate", at=at)
    esdb(cluster, store, "partitions", "create-next", "--months", str(max(store.months - 2, 0)), at=at)


def finish(cluster: Cluster, store: Store) -> None:
    """Give a store the server's clock back, and seal the months that are over."""
    cluster.execute(store.database, _RESET_CLOCK)
    esdb(cluster, store, "partitions", "create-next")
    esdb(cluster, store, "partitions", "seal")
    cluster.execute(store.database, "vacuum analyze")


def esdb(cluster: Cluster, store: Store, *arguments: str, at: datetime | None = None) -> None:
    """Run the esdb command on a store, by its clock if a time is given."""
    command = Path(sysconfig.get_path("scripts")) / "esdb"
    environment = {**os.environ, "ESDB_DATABASE_URL": cluster.url(store.database)}
    if at is not None:
        environment["PGOPTIONS"] = _clock(at)
    subprocess.run([command, *arguments], env=environment, check=True, capture_output=True, timeout=_LONGEST_SECONDS)


def _fill(cluster: Cluster, store: Store, context: str, month: int, at: datetime) -> None:
    event = f'{{"event_type": "OrderPlaced", "payload": {events.PAYLOAD}, "metadata": {events.METADATA}}}'
    with psycopg.connect(cluster.url(store.database), autocommit=True, options=_clock(at)) as connection:
        connection.execute(
            _FILL,
            {
                "context": context,
                "month": month,
                "event": event,
                "streams": STREAMS_A_MONTH,
                "length": STREAM_LENGTH,
                "spread": SPREAD_STREAMS,
                "every": SPREAD_EVERY,
                "singles": SINGLES_A_MONTH,
            },
        )


def _clock(at: datetime) -> str:
    return f"-c bench.clock={at:%Y-%m-%dT%H:%M:%SZ}"


def _month_before(month: datetime, count: int) -> datetime:
    """Give the start of the month some months before that of a time."""
    number = month.year * 12 + month.month - 1 - count
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
