"""The eventsourcing library for Python: its default code path, which locks the table, and its database functions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.targets.base import Feed, Target
from benchmarks.workloads import HOT_STREAM, KNOWN_STREAM, NEW_STREAM, NEXT_PAGE, PAGE, SOME_STREAM
from tools import peers

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster

_TOPIC = "shop.orders.Order.Placed"
_ID = "('00000000-0000-4000-8000-' || {})::uuid"
_STREAM = _ID.format(":stream::text")
_HOT = _ID.format(f"'{HOT_STREAM}'")
_FEED_STREAM = _ID.format("%(stream)s::text")

# A client that loses the race for a version gets a unique violation and tries again. pgbench would give the client up,
# so for the hot stream alone these two catch it; what they cost is small beside the wait.
_TRY = """
create function bench_try_function(id uuid, version bigint, state bytea) returns bigint language plpgsql as $$
begin
    return (
        select max(n) from es_insert_events_uuid(array[row(id, version, '{topic}', state)::stored_event_uuid]) as n);
exception when unique_violation then
    return null;
end $$;
create function bench_try_insert(id uuid, version bigint, state bytea) returns bigint language plpgsql as $$
begin
    insert into stored_events (originator_id, originator_version, topic, state) values (id, version, '{topic}', state);
    return version;
exception when unique_violation then
    return null;
end $$;
"""
_READ_VERSION = f"""select max(originator_version) + 1 as version from stored_events
where originator_id = {_HOT} \\gset
"""


def _one(version: str) -> str:
    return f"array[row({_STREAM}, {version}, '{_TOPIC}', :state::bytea)::stored_event_uuid]"


def _batch(count: int) -> str:
    return f"""array(select row({_STREAM}, e.version, '{_TOPIC}', e.state)::stored_event_uuid
    from unnest(:states{count}::bytea[]) with ordinality as e (state, version))"""


class EventsourcingFunctions(Target):
    """With database functions enabled: they take no lock, so the feed skips."""

    name = "eventsourcing-functions"
    note = "stores bytea, not jsonb; database functions, which take no lock: its feed skips"
    safe = False
    jsonb = False
    count = "select count(*) from stored_events"
    seed = f"""insert into stored_events (originator_id, originator_version, topic, state)
        select {_ID.format("(%(base)s + i)::text")}, %(version)s, '{_TOPIC}', %(state)s::bytea
        from generate_series(0, %(count)s - 1) as i"""
    feed = Feed(
        write=f"""select %(version)s::bigint from es_insert_events_uuid(
            array[row({_FEED_STREAM}, %(version)s, '{_TOPIC}', %(state)s::bytea)::stored_event_uuid])""",
        read="""select originator_id, originator_version, notification_id, 0 from stored_events
            where notification_id > %(cursor)s order by notification_id limit 1000""",
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""
        return {
            "new_stream": NEW_STREAM + self.append(_one("1")),
            "known_version": KNOWN_STREAM + self.append(_one(":version + 1")),
            "batch10": NEW_STREAM + self.append(_batch(10)),
            "batch100": NEW_STREAM + self.append(_batch(100)),
            "hot": f"{_READ_VERSION}select bench_try_function({_HOT}, :version, :state);\n",
            "read_stream": (
                f"{SOME_STREAM}select * from stored_events where originator_id = {_STREAM}"
                " order by originator_version asc;\n"
            ),
            "read_feed": (
                f"{NEXT_PAGE}select * from stored_events where notification_id > :cursor"
                f" order by notification_id limit {PAGE};\n"
            ),
        }

    def append(self, stored_events: str) -> str:
        """Append as the library does when its functions are enabled: one call in autocommit."""
        return f"select * from es_insert_events_uuid({stored_events});\n"

    def install(self, cluster: Cluster, database: str) -> None:
        """Let the library make its own tables and functions."""
        # -P, so that this module does not hide the library of the same name
        program = Path(__file__).with_name("eventsourcing_schema.py")
        peers.run(
            sys.executable, "-P", str(program), str(cluster.server.folder), str(cluster.server.port), database,
            environment={"PYTHONPATH": str(peers.python_folder())},
        )  # fmt: skip
        cluster.execute(database, _TRY.format(topic=_TOPIC))


_LOCK = ("set local lock_timeout = '0s'", "lock table stored_events in exclusive mode", "notify stored_events")


class EventsourcingLocked(EventsourcingFunctions):
    """As the library is by default: a pipeline that locks the table and notifies, then the commit."""

    name = "eventsourcing-locked"
    note = "stores bytea, not jsonb; the default code path, which locks the table: safe"
    safe = True
    feed = Feed(
        write=f"""insert into stored_events (originator_id, originator_version, topic, state)
            values ({_FEED_STREAM}, %(version)s, '{_TOPIC}', %(state)s::bytea) returning originator_version""",
        before_write=_LOCK,
        read=EventsourcingFunctions.feed.read,
    )

    @property
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name: the writing ones, since reading is the same."""
        scripts = {key: script for key, script in super().scripts.items() if not key.startswith("read")}
        insert = f"select bench_try_insert({_HOT}, :version, :state);\n"
        return {**scripts, "hot": _READ_VERSION + self._pipeline(insert)}

    def append(self, stored_events: str) -> str:
        """Append as the library does by default."""
        return self._pipeline(f"""insert into stored_events (originator_id, originator_version, topic, state)
select originator_id, originator_version, topic, state from unnest({stored_events}) returning notification_id;
""")

    def _pipeline(self, insert: str) -> str:
        before = "".join(f"{statement};\n" for statement in _LOCK)
        return f"\\startpipeline\nbegin;\n{before}{insert}\\endpipeline\ncommit;\n"
