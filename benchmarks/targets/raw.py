"""The 100 % line: a plain table with the fewest columns and indexes that still make an event store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmarks.targets.base import Feed, Target
from benchmarks.workloads import HOT_STREAM, KNOWN_STREAM, NEW_STREAM, NEXT_PAGE, PAGE, SOME_STREAM

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_SCHEMA = """
create table events (
    position bigserial primary key,
    id text collate "C" not null unique,
    aggregate_id text collate "C" not null,
    version bigint not null,
    event_type text not null,
    timestamp timestamptz not null default clock_timestamp(),
    payload jsonb not null,
    metadata jsonb,
    unique (aggregate_id, version)
);
create index on events using brin (timestamp);
"""
_INTO = "insert into events (id, aggregate_id, version, event_type, payload, metadata)"
# as long as a ULID, and growing along each client's streams, as one made by the client would
_ID = "'01JD000000' || :stream::text || lpad({}::text, 4, '0')"


def _one(version: str) -> str:
    identity = _ID.format(f"({version})")
    return f"""{_INTO}
values ({identity}, 'order-' || :stream::text, {version}, 'OrderPlaced', :payload, :metadata);
"""


def _batch(count: int) -> str:
    return f"""{NEW_STREAM}{_INTO}
select {_ID.format("e.version")}, 'order-' || :stream::text, e.version, 'OrderPlaced', e.payload, e.metadata
from unnest(:payloads{count}::jsonb[], :metadatas{count}::jsonb[]) with ordinality as e (payload, metadata, version);
"""


class Raw(Target):
    """Prepared INSERT and SELECT on a plain table."""

    name = "raw"
    note = "prepared INSERT / SELECT on a plain table, two unique indexes and a BRIN: the 100 % line"
    safe = False
    peer = False
    count = "select count(*) from events"
    seed = f"""{_INTO}
        select '01JD000000' || (%(base)s + i)::text || lpad(%(version)s::text, 4, '0'),
            'order-' || (%(base)s + i)::text, %(version)s, 'OrderPlaced', %(payload)s, %(metadata)s
        from generate_series(0, %(count)s - 1) as i"""
    feed = Feed(
        write=f"""{_INTO} values (
                '01JD000000' || %(stream)s::text || lpad(%(version)s::text, 4, '0'), 'order-' || %(stream)s::text,
                %(version)s, 'OrderPlaced', %(payload)s, %(metadata)s)
            returning version""",
        read="""select aggregate_id, version, position, 0 from events
            where position > %(cursor)s order by position limit 1000""",
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {
            "new_stream": NEW_STREAM + _one("1"),
            "known_version": KNOWN_STREAM + _one(":version + 1"),
            "batch10": _batch(10),
            "batch100": _batch(100),
            "hot": f"""{_INTO}
select '01JD000000{HOT_STREAM}' || lpad((max(version) + 1)::text, 8, '0'), 'order-{HOT_STREAM}', max(version) + 1,
    'OrderPlaced', :payload::jsonb, :metadata::jsonb
from events where aggregate_id = 'order-{HOT_STREAM}'
on conflict do nothing;
""",
            "read_stream": (
                f"{SOME_STREAM}select * from events where aggregate_id = 'order-' || :stream::text order by version;\n"
            ),
            "read_feed": f"{NEXT_PAGE}select * from events where position > :cursor order by position limit {PAGE};\n",
        }

    def install(self, cluster: Cluster, database: str) -> None:
        """Make the table."""
        cluster.execute(database, _SCHEMA)
