"""A store against a plain model of it: whatever is done in whatever order, both answer alike.

ESDB_TEST_EXAMPLES: how many sequences are tried, 100 unless set; once set, they differ from run to run, and a failure
is made short.
"""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from psycopg.types.json import Jsonb

from tests.databases import run_esdb
from tests.feed_support import mark, until, value
from tests.fixtures import Connection
from tests.model import Stored
from tests.model_writes import ADDED, CONTEXTS, NAMES, TYPES, WritesMachine, streams

EXAMPLES = int(os.environ.get("ESDB_TEST_EXAMPLES", "0"))
versions = st.integers(0, 7)
counts = st.integers(1, 8)
type_filters = st.none() | st.lists(st.sampled_from(TYPES), max_size=2)
context_filters = st.none() | st.lists(st.sampled_from([*CONTEXTS.values(), "p"]), max_size=2)


class StoreMachine(WritesMachine):
    """Everything a store does, each answer held against the model."""

    @rule(stream=streams, version=st.just("newest") | versions, state=st.integers(0, 9))
    def save_snapshot(self, stream: str, version: int | str, state: int) -> None:
        """Save a snapshot of a version."""
        own = len(self.model.of(stream))
        version = own if isinstance(version, str) else version
        given = (self.prefix + stream, version, Jsonb({"n": state}))
        query = "select esdb.save_snapshot(%s, %s, %s)"
        if version == 0:
            self.refused(query, given, "SE009")
        elif own == 0:
            self.refused(query, given, "SE003")
        elif stream in self.model.deleted:
            self.refused(query, given, "SE002")
        elif version > own:
            self.refused(query, given, "SE014")
        else:
            self.connection.execute(query, given)
            self.model.snapshots.setdefault(stream, {})[version] = state

    @rule(stream=streams, move=st.sampled_from(["_detach_head", "_attach_head"]))
    def move_head(self, stream: str, move: str) -> None:
        """Move a stream's head out of its row or back, which nobody notices."""
        self.connection.execute(f"select esdb.{move}(%s)", (self.prefix + stream,))

    @rule(keep=st.integers(1, 3))
    def cleanup_snapshots(self, keep: int) -> None:
        """Keep each aggregate's newest, whatever their age."""
        assert value(self.connection, "select esdb.cleanup_old_snapshots(%s, '0')", (keep,)) == self.model.cleanup(keep)

    @rule(stream=streams, version=st.none() | st.integers(1, 7), data=st.data())
    def load(self, stream: str, version: int | None, data: st.DataObject) -> None:
        """Load an aggregate and its snapshot as they are, at a version, or as of a time."""
        own = self.model.of(stream)
        moment = data.draw(st.sampled_from([None, *(event.timestamp for event in own)]))
        seen = len(own) if moment is None else sum(event.timestamp <= moment for event in own)
        seen = min(seen, seen if version is None else version)
        given = (self.prefix + stream, version, moment)
        snapshot = self.model.snapshot(stream, seen)
        hidden = stream in self.model.deleted
        rows = self.connection.execute("select version, state from esdb.get_snapshot(%s, %s, %s)", given).fetchall()
        assert rows == ([(snapshot[0], {"n": snapshot[1]})] if snapshot and not hidden else [])
        query = (
            "select version, snapshot_version, snapshot_state, jsonb_path_query_array(events, '$[*].id')"
            " from esdb.load_aggregate(%s, %s, %s)"
        )
        if hidden:
            self.refused(query, given, "SE002")
            return
        after, state = (snapshot[0], {"n": snapshot[1]}) if snapshot else (None, None)
        rows = self.connection.execute(query, given).fetchall()
        assert rows == [(seen, after, state, [event.id for event in own[after or 0 : seen]])]

    @rule(threshold=st.integers(1, 6))
    def snapshots_due(self, threshold: int) -> None:
        """List the streams that have moved on far enough since their snapshot."""
        value(self.connection, "select esdb.set_setting('snapshot_threshold', %s)", (str(threshold),))
        rows = self.connection.execute(
            "select aggregate_id, version, events_since_snapshot from esdb.snapshots_due"
            " where starts_with(aggregate_id, %s) order by aggregate_id",
            (self.prefix,),
        ).fetchall()
        expected = []
        for stream in NAMES:
            own, snapshot = len(self.model.of(stream)), self.model.snapshot(stream)
            since = own - (snapshot[0] if snapshot else 0)
            if since >= threshold and stream not in self.model.deleted:
                expected.append((self.prefix + stream, own, since))
        assert rows == expected

    @rule(
        context=st.none() | st.sampled_from(list(CONTEXTS.values())), after=st.none() | streams, count=counts,
        deleted=st.booleans(),
    )  # fmt: skip
    def list_streams(self, context: str | None, after: str | None, count: int, deleted: bool) -> None:
        """List a page of this example's streams; the others come before them."""
        rows = self.connection.execute(
            "select aggregate_id, version, deleted_at is not null, snapshot_version from esdb.list_streams("
            "bounded_context => %s, after_aggregate_id => %s, max_count => %s, include_deleted => %s)",
            (context, self.prefix + (after or ""), count, deleted),
        ).fetchall()
        expected = [
            (self.prefix + name, len(own), name in self.model.deleted, (self.model.snapshot(name) or (None,))[0])
            for name in NAMES
            if (own := self.model.of(name))
            and (after is None or name > after)
            and context in {None, CONTEXTS[name]}
            and (deleted or name not in self.model.deleted)
        ]
        assert rows == expected[:count]

    @rule(
        reader=st.sampled_from(["correlation_id", "causation_id"]),
        name=st.sampled_from(["c1", "c2", "e1"]),
        count=counts,
    )
    def read_traced(self, reader: str, name: str, count: int) -> None:
        """Read what a correlation or a cause brought about."""
        function = {"correlation_id": "read_correlated", "causation_id": "read_caused_by"}[reader]
        rows = self.connection.execute(
            f"select position from esdb.{function}(%s, %s, since => '2000-01-01 00:00:00+00')",
            (self.prefix + name, count),
        ).fetchall()
        wanted = [event for event in self.model.events if (event.metadata or {}).get(reader) == self.prefix + name]
        assert [position for (position,) in rows] == [event.position for event in wanted][:count]

    @rule(
        stream=streams, first=versions, last=st.none() | versions, count=counts | st.just(1000), backward=st.booleans(),
        deleted=st.booleans(),
    )  # fmt: skip
    def read_stream(self, stream: str, first: int, last: int | None, count: int, backward: bool, deleted: bool) -> None:
        """Read a range of a stream."""
        rows = self.connection.execute(
            "select position, version, id, event_type, payload"
            " from esdb.read_stream(%s, %s, %s, %s, %s, include_deleted => %s)",
            (self.prefix + stream, first, last, count, backward, deleted),
        ).fetchall()
        shown = deleted or stream not in self.model.deleted
        own = self.model.of(stream) if shown else []
        wanted = [event for event in own if first <= event.version <= (999 if last is None else last)]
        self._compare(rows, wanted, count, backward)

    @rule(
        skip=st.integers(0, 30), count=counts | st.just(1000), types=type_filters, contexts=context_filters,
        backward=st.booleans(), up_to=st.none() | st.integers(0, 30),
    )  # fmt: skip
    def read_all(
        self,
        skip: int,
        count: int,
        types: list[str] | None,
        contexts: list[str] | None,
        backward: bool,
        up_to: int | None,
    ) -> None:
        """Read a page of the feed."""
        last = int(
            value(self.connection, "select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)")
        )
        until(lambda: mark(self.connection) == last, "the mark")
        after = min(self.start + skip, last)
        limit = None if up_to is None else self.start + up_to
        rows = self.connection.execute(
            "select position, version, id, event_type, payload from esdb.read_all(%s, %s, event_types => %s,"
            " bounded_contexts => %s, backward => %s, up_to_position => %s)",
            (after, count, types, contexts, backward, limit),
        ).fetchall()
        wanted = [
            event
            for event in self.model.events
            if event.position > after
            and (limit is None or event.position <= limit)
            and (types is None or event.event_type in types)
            and (contexts is None or CONTEXTS[event.stream] in contexts)
        ]
        self._compare(rows, wanted, count, backward)

    @rule(data=st.data())
    def get_event(self, data: st.DataObject) -> None:
        """Find an event by its id, with and without its stream."""
        if self.model.events:
            event = data.draw(st.sampled_from(self.model.events))
            twins = sorted(other.position for other in self.model.events if other.id == event.id)
            rows = self.connection.execute("select position from esdb.get_event(%s) order by 1", (event.id,)).fetchall()
            assert [position for (position,) in rows] == twins
            query = "select position from esdb.get_event(%s, %s)"
            own = self.connection.execute(query, (event.id, self.prefix + event.stream)).fetchall()
            assert own == [(event.position,)]
        assert self.connection.execute("select * from esdb.get_event(%s)", (self.prefix + "none",)).fetchall() == []

    @invariant()
    def streams_agree(self) -> None:
        """The version and the facts of each stream are the model's."""
        for stream in NAMES:
            own = self.model.of(stream)
            name = self.prefix + stream
            assert value(self.connection, "select esdb.stream_version(%s)", (name,)) == len(own)
            rows = self.connection.execute(
                "select version, bounded_context, group_context, updated_at >= created_at, deleted_at is not null,"
                " snapshot_version"
                " from esdb.get_stream_info(%s)",
                (name,),
            ).fetchall()
            deleted, snapshot = stream in self.model.deleted, (self.model.snapshot(stream) or (None,))[0]
            assert rows == ([(len(own), CONTEXTS[stream], "m", True, deleted, snapshot)] if own else [])

    def _compare(self, rows: list[tuple[Any, ...]], wanted: list[Stored], count: int, backward: bool) -> None:
        ordered = (wanted[::-1] if backward else wanted)[:count]
        assert rows == [(e.position, e.version, e.id, e.event_type, e.payload) for e in ordered]


def test_the_store_is_its_model(db: Connection, db_url: str) -> None:
    added = run_esdb("contexts", "add", ADDED, "extra", url=db_url)
    assert added.returncode == 0, added.stderr
    StoreMachine.connection = db
    StoreMachine.doubled_ids = 0
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=EXAMPLES or 100,
            stateful_step_count=60,
            derandomize=not EXAMPLES,
            phases=tuple(Phase) if EXAMPLES else (Phase.generate,),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    verified = json.loads(run_esdb("verify", "--json", url=db_url).stdout)
    assert {fault["kind"] for fault in verified["faults"]} <= {"event id"}
    assert len(verified["faults"]) + sum(verified["left_out"].values()) == StoreMachine.doubled_ids
