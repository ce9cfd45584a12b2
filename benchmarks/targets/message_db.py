"""message-db: functions over one table, an advisory lock a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from benchmarks.targets.base import Feed, Target
from benchmarks.workloads import HOT_STREAM, KNOWN_STREAM, NEW_STREAM, NEXT_PAGE, PAGE, SOME_STREAM
from tools import peers

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_CATEGORIES = 32
"""Categories in the variant with many; as many as clients at most, so that none of them waits for another."""


class MessageDb(Target):
    """One category, so that its feed skips nothing."""

    name = "message-db"
    note = "one category: its advisory lock keeps the feed safe"
    safe = True
    count = "select count(*) from messages"
    category: ClassVar[str] = "'order'"
    seed = """select count(write_message(
            gen_random_uuid()::text, 'order-' || (%(base)s + i)::text, 'OrderPlaced', %(payload)s, %(metadata)s,
            %(version)s - 2))
        from generate_series(0, %(count)s - 1) as i"""
    feed = Feed(
        write="""select 1 + write_message(
            gen_random_uuid()::text, 'order-' || %(stream)s::text, 'OrderPlaced', %(payload)s, %(metadata)s)""",
        read="""select stream_name, position + 1, global_position, 0
            from get_category_messages('order', %(cursor)s + 1, 1000)""",
        shared=True,
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {
            **self.appends(),
            "hot": (
                f"select write_message(gen_random_uuid()::text, 'order-{HOT_STREAM}', 'OrderPlaced', :payload,"
                " :metadata);\n"
            ),
            "read_stream": f"{SOME_STREAM}select * from get_stream_messages('order-' || :stream::text);\n",
            "read_feed": f"{NEXT_PAGE}select * from get_category_messages('order', :cursor + 1, {PAGE});\n",
        }

    def appends(self) -> dict[str, str]:
        """Give the scripts that depend on the category."""
        name = f"{self.category} || '-' || :stream::text"
        return {
            "new_stream": f"{NEW_STREAM}{_write(name, '-1')}",
            "known_version": f"{KNOWN_STREAM}{_write(name, ':version - 1')}",
            "batch10": f"{NEW_STREAM}{_batch(name, 10)}",
            "batch100": f"{NEW_STREAM}{_batch(name, 100)}",
        }

    def install(self, cluster: Cluster, database: str) -> None:
        """Run the schema of the package."""
        cluster.execute(database, peers.message_db_schema())
        cluster.execute(database, f'alter database "{database}" set search_path = message_store, public')


class MessageDbCategories(MessageDb):
    """A category a client, so that no lock is shared; a feed of several categories then skips events."""

    name = "message-db-categories"
    note = "a category per client; a feed across categories skips"
    safe = False
    category = f"'order' || :stream::bigint % {_CATEGORIES}"
    seed = f"""select count(write_message(
            gen_random_uuid()::text, 'order' || (%(base)s + i) %% {_CATEGORIES} || '-' || (%(base)s + i)::text,
            'OrderPlaced', %(payload)s, %(metadata)s, %(version)s - 2))
        from generate_series(0, %(count)s - 1) as i"""
    feed = Feed(
        write=f"""select 1 + write_message(
            gen_random_uuid()::text, 'order' || %(stream)s::bigint %% {_CATEGORIES} || '-' || %(stream)s::text,
            'OrderPlaced', %(payload)s, %(metadata)s)""",
        read="""select stream_name, position + 1, global_position, 0 from messages
            where global_position > %(cursor)s order by global_position limit 1000""",
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        # a new stream's category is its client's, whatever the stream's number
        by_client = {
            key: script.replace(f":stream::bigint % {_CATEGORIES}", ":client_id")
            for key, script in self.appends().items()
            if key != "known_version"
        }
        return {**self.appends(), **by_client}


def _write(name: str, expected: str) -> str:
    return f"""select write_message(
    gen_random_uuid()::text, {name}, 'OrderPlaced', :payload, :metadata, {expected});
"""


def _batch(name: str, count: int) -> str:
    """Append several events: one statement, where the package's client sends one for each inside a transaction."""
    return f"""select write_message(
    gen_random_uuid()::text, {name}, 'OrderPlaced', e.payload, e.metadata, e.version - 2)
from unnest(:payloads{count}::jsonb[], :metadatas{count}::jsonb[]) with ordinality as e (payload, metadata, version);
"""
