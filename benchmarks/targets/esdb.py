"""esdb as shipped, and its table and indexes without its functions."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmarks.ledger_variants import DEFINITION, LIVE_LEAF, unannounced
from benchmarks.targets.base import Feed, Target
from benchmarks.workloads import HOT_STREAM, KNOWN_STREAM, NEW_STREAM, NEXT_PAGE, PAGE, SOME_STREAM
from tools import peers

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_APPEND = """esdb.append_event(
    aggregate_id => 'order-' || :stream::text, event_type => 'OrderPlaced', payload => :payload, expected_version => 0,
    bounded_context => 'b', group_context => 'm', aggregate_type => 'Order', metadata => :metadata);
"""


def _batch(count: int) -> str:
    return f"""{NEW_STREAM}select * from esdb.append_events(
    aggregate_id => 'order-' || :stream::text, events => :events{count}, expected_version => 0,
    bounded_context => 'b', group_context => 'm', aggregate_type => 'Order');
"""


class Esdb(Target):
    """The functions as an application calls them."""

    name = "esdb"
    note = "as shipped, all indexes of an open month; `select append_event(…)`"
    safe = True
    peer = False
    count = "select count(*) from esdb.events"
    seed = """select count(esdb.append_event(
            aggregate_id => 'order-' || (%(base)s + i)::text, event_type => 'OrderPlaced', payload => %(payload)s,
            expected_version => %(version)s - 1, bounded_context => 'b', group_context => 'm',
            aggregate_type => 'Order', metadata => %(metadata)s))
        from generate_series(0, %(count)s - 1) as i"""
    feed: ClassVar[Feed | None] = Feed(
        write="""select version from esdb.append_event(
            aggregate_id => 'order-' || %(stream)s::text, event_type => 'OrderPlaced', payload => %(payload)s,
            bounded_context => 'b', group_context => 'm', aggregate_type => 'Order', metadata => %(metadata)s)""",
        read="select aggregate_id, version, position, 0 from esdb.read_all(after_position => %(cursor)s)",
        shared=True,
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {
            "new_stream": f"{NEW_STREAM}select {_APPEND}",
            "known_version": f"""{KNOWN_STREAM}select esdb.append_event(
    aggregate_id => 'order-' || :stream::text, event_type => 'OrderPlaced', payload => :payload,
    expected_version => :version, metadata => :metadata);
""",
            "batch10": _batch(10),
            "batch100": _batch(100),
            "hot": f"""select esdb.append_event(
    aggregate_id => 'order-{HOT_STREAM}', event_type => 'OrderPlaced', payload => :payload, metadata => :metadata);
""",
            "read_stream": f"{SOME_STREAM}select * from esdb.read_stream(aggregate_id => 'order-' || :stream::text);\n",
            "read_feed": (f"{NEXT_PAGE}select * from esdb.read_all(after_position => :cursor, max_count => {PAGE});\n"),
        }

    def install(self, cluster: Cluster, database: str) -> None:
        """Migrate the database with the esdb command."""
        command = Path(sysconfig.get_path("scripts")) / "esdb"
        peers.run(str(command), "migrate", environment={"ESDB_DATABASE_URL": cluster.url(database)})


class EsdbRow(Esdb):
    """The append called as a row source, as a client does that wants id and position in columns."""

    name = "esdb-row"
    note = "esdb called as `select * from append_event(…)`"
    data_of = "esdb"
    feed = None

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {"new_stream": f"{NEW_STREAM}select * from {_APPEND}"}

    def prepare(self, cluster: Cluster) -> None:
        """Nothing: esdb's data serve."""


class EsdbUnannounced(Esdb):
    """Without the announcement that keeps the feed safe: what the safety costs, and a feed whose faults must show."""

    name = "esdb-unannounced"
    note = "esdb without the announcement before each position; the price of the feed's safety, no way to use it"
    safe = False

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name: those that append single events."""
        return {key: script for key, script in super().scripts.items() if key in {"new_stream", "known_version"}}

    def prepare(self, cluster: Cluster) -> None:
        """Copy esdb's databases and take the announcement out of their append."""
        for kind in ("empty", "streams"):
            database = self.store(kind)
            cluster.create(database, f"esdb_{kind}")
            cluster.execute(database, unannounced(str(cluster.value(database, DEFINITION))))


_COLUMNS = (
    "position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,"
    " event_type, version, timestamp, payload, metadata"
)


def _fixed(version: str) -> str:
    return f"""nextval('esdb.event_position'), '01JD000000' || :stream::text || lpad({version}::text, 4, '0'),
    'b', 'm', 'c', 'create', 'Order', 'order-' || :stream::text"""


class RawSame(Esdb):
    """A plain INSERT into esdb's partition tree, without the row of the stream; a plain SELECT of the live leaf."""

    name = "raw-same"
    note = "plain INSERT and SELECT on esdb's own table and indexes; no stream row, no announcement"
    safe = False
    data_of = "esdb"
    feed = None
    leaf: ClassVar[str] = ""

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        one = f"{_fixed(':version')}, 'OrderPlaced'"
        insert = (
            f"insert into esdb.events ({_COLUMNS})\nvalues ({one}, {{}}, clock_timestamp(), :payload, :metadata);\n"
        )
        return {
            "new_stream": NEW_STREAM + r"\set version 1" + "\n" + insert.format(":version"),
            "known_version": KNOWN_STREAM + insert.format(":version + 1"),
            "batch10": self._batch(10),
            "batch100": self._batch(100),
            "read_stream": (
                f"{SOME_STREAM}select * from {self.leaf} where aggregate_id = 'order-' || :stream::text"
                " order by version limit 1000;\n"
            ),
            "read_feed": (
                f"{NEXT_PAGE}select * from {self.leaf} where position > :cursor order by position limit {PAGE};\n"
            ),
        }

    def prepare(self, cluster: Cluster) -> None:
        """Find the leaf of the month."""
        type(self).leaf = f"esdb.{cluster.value(self.store('empty'), LIVE_LEAF)}"

    def _batch(self, count: int) -> str:
        return f"""{NEW_STREAM}insert into esdb.events ({_COLUMNS})
select {_fixed("e.version")}, 'OrderPlaced', e.version, clock_timestamp(), e.payload, e.metadata
from unnest(:payloads{count}::jsonb[], :metadatas{count}::jsonb[]) with ordinality as e (payload, metadata, version);
"""
