"""emmett: one function over two partitioned tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from benchmarks.targets.base import Feed, Target
from benchmarks.workloads import HOT_STREAM, KNOWN_STREAM, NEW_STREAM, NEXT_PAGE, PAGE, READ_STREAMS, SOME_STREAM
from tools import peers

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

# the partition that the package uses by default, without a bare colon: pgbench would take what follows for a variable
_PARTITION = r"e'emt\x3adefault'"
_COLUMNS = (
    "stream_id, stream_position, global_position, message_data, message_metadata, message_schema_version,"
    " message_type, message_id"
)
_VISIBLE = (
    f"partition = {_PARTITION} and is_archived = false and transaction_id < pg_snapshot_xmin(pg_current_snapshot())"
)
_ORDER = "order by transaction_id, global_position limit"
_FEED_WRITE = f"""select next_stream_position from emt_append_to_stream(
    array[gen_random_uuid()::text], array[%(payload)s]::jsonb[], array[%(metadata)s]::jsonb[], array['1'],
    array['OrderPlaced'], array['E'], 'order-' || %(stream)s::text, 'order', %(version)s - 1, {_PARTITION})"""


def _append(stream: str, expected: str) -> str:
    return f"""select * from emt_append_to_stream(
    array[gen_random_uuid()::text], array[:payload]::jsonb[], array[:metadata]::jsonb[], array['1']::text[],
    array['OrderPlaced']::text[], array['E']::text[], {stream}, 'order', {expected}, {_PARTITION});
"""


def _batch(count: int) -> str:
    return f"""{NEW_STREAM}select * from emt_append_to_stream(
    array(select gen_random_uuid()::text from generate_series(1, {count})), :payloads{count}, :metadatas{count},
    array_fill('1'::text, array[{count}]), array_fill('OrderPlaced'::text, array[{count}]),
    array_fill('E'::text, array[{count}]), 'order-' || :stream::text, 'order', 0, {_PARTITION});
"""


class Emmett(Target):
    """As shipped: its feed moves a cursor over positions, in the order of transactions."""

    name = "emmett"
    note = "emt_append_to_stream, one statement where its client sends begin and commit too; feed by position skips"
    safe = False
    count = "select count(*) from emt_messages"
    seed = f"""select count(a.success)
        from generate_series(0, %(count)s - 1) as i
        cross join lateral emt_append_to_stream(
            array[gen_random_uuid()::text], array[%(payload)s]::jsonb[], array[%(metadata)s]::jsonb[], array['1'],
            array['OrderPlaced'], array['E'], 'order-' || (%(base)s + i)::text, 'order', %(version)s - 1,
            {_PARTITION}) as a"""
    feed = Feed(
        write=_FEED_WRITE,
        read=f"""select stream_id, stream_position, global_position, 0 from emt_messages
            where {_VISIBLE} and global_position >= %(cursor)s + 1 {_ORDER} 1000""",
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {
            "new_stream": NEW_STREAM + _append("'order-' || :stream::text", "0"),
            "known_version": KNOWN_STREAM + _append("'order-' || :stream::text", ":version"),
            "batch10": _batch(10),
            "batch100": _batch(100),
            "hot": _append(f"'order-{HOT_STREAM}'", "null"),
            "read_stream": f"""{SOME_STREAM}select {_COLUMNS} from emt_messages
where stream_id = 'order-' || :stream::text and partition = {_PARTITION} and is_archived = false
order by stream_position;
""",
            "read_feed": f"""{NEXT_PAGE}select {_COLUMNS} from emt_messages
where {_VISIBLE} and global_position >= :cursor + 1 {_ORDER} {PAGE};
""",
        }

    def install(self, cluster: Cluster, database: str) -> None:
        """Run the schema that the package prints."""
        cluster.execute(database, peers.emmett_schema())


class EmmettIndexed(Emmett):
    """With the index that its feed's order needs, and a cursor over transaction and position, which skips nothing."""

    transactions: ClassVar[tuple[str, ...]] = ()
    """The transactions that wrote the history: a thousand events each, one to each of its streams."""
    name = "emmett-indexed"
    note = "emmett with an index on (transaction_id, global_position) and a feed cursor over both: safe"
    safe = True
    feed = Feed(
        write=_FEED_WRITE,
        read=f"""select stream_id, stream_position, transaction_id::text::bigint, global_position from emt_messages
            where {_VISIBLE}
              and (transaction_id, global_position) > (%(cursor)s::text::xid8, %(cursor2)s::bigint) {_ORDER} 1000""",
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        pages = "{" + ",".join(self.transactions) + "}"
        feed = rf"""{NEXT_PAGE}\set page 1 + :cursor / {READ_STREAMS}
select {_COLUMNS} from emt_messages
where {_VISIBLE} and (transaction_id, global_position) > (('{pages}'::xid8[])[:page], :cursor) {_ORDER} {PAGE};
"""
        appends = {key: script for key, script in super().scripts.items() if key != "read_stream"}
        return {**appends, "read_feed": feed}

    def prepare(self, cluster: Cluster) -> None:
        """Look up the transactions of the history, which a consumer's cursor would hold."""
        super().prepare(cluster)
        query = "select array_agg(distinct transaction_id::text) from emt_messages"
        type(self).transactions = tuple(sorted(cluster.value(self.store("history"), query), key=int))

    def install(self, cluster: Cluster, database: str) -> None:
        """Add the index."""
        super().install(cluster, database)
        cluster.execute(database, "create index on emt_messages (transaction_id, global_position)")
