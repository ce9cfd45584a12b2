"""The rules of the model's machine that append, delete and restore; test_model.py has the others."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from psycopg.types.json import Jsonb

from tests.feed_support import value
from tests.fixtures import Connection
from tests.model import Append, Model

ADDED = "x"
"""A bounded context that the installation adds."""
CONTEXTS = {"a": "b", "b": "n", "c": "nt", "d": ADDED}
NAMES = list(CONTEXTS)
IDS = [f"id-{number}" for number in range(6)]
KEYS = ["k1", "k2"]
TYPES = ["Made", "Changed", "Gone"]

streams = st.sampled_from(NAMES)
keys = st.none() | st.sampled_from(KEYS)
expectations = st.one_of(st.none(), st.sampled_from([0, -1, "exact", "exact", "stale", "ahead"]))
tracing = st.fixed_dictionaries(
    {}, optional={"correlation_id": st.sampled_from(["c1", "c2"]), "causation_id": st.sampled_from(["e1", "e2"])}
)
events = st.fixed_dictionaries(
    {"event_type": st.sampled_from(TYPES), "payload": st.fixed_dictionaries({"n": st.integers(0, 2)})},
    optional={"id": st.sampled_from(IDS), "metadata": tracing},
)
batches = st.lists(events, min_size=1, max_size=4)

_RESULT = "select id, version, position, timestamp from esdb."


class WritesMachine(RuleBasedStateMachine):
    """Appends of all kinds, deletions and restorations, each answer held against the model."""

    connection: Connection
    numbers = itertools.count()
    doubled_ids = 0
    """Ids that stand in several streams, whose leaves differ: the store takes them, and `esdb verify` finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.prefix = f"example-{next(self.numbers):06}-"
        self.start = 0

    @initialize()
    def begin(self) -> None:
        """Every example has streams, ids, keys and snapshots of its own, behind the events of those before."""
        query = "select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)"
        self.start = int(value(self.connection, query))
        value(self.connection, "select esdb.cleanup_old_snapshots(1, '0')")
        value(self.connection, "select esdb.set_setting('snapshot_threshold', null)")

    def teardown(self) -> None:
        """Count the ids for `esdb verify`."""
        ids = Counter(event.id for event in self.model.events)
        type(self).doubled_ids += sum(count > 1 for count in ids.values())

    def _expected(self, stream: str, form: int | str | None) -> int | None:
        version = len(self.model.of(stream))
        named = {"exact": version, "stale": max(version - 1, 0), "ahead": version + 1}
        return named[form] if isinstance(form, str) else form

    def _own(self, new: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give events with ids and correlations of this example's own."""
        own = []
        for event in new:
            metadata = {name: self.prefix + value for name, value in event.get("metadata", {}).items()}
            own.append(
                event
                | ({"id": self.prefix + event["id"]} if "id" in event else {})
                | ({"metadata": metadata} if "metadata" in event else {})
            )
        return own

    def _check(self, appends: list[Append], query: str, **given: Any) -> None:
        """Make a call that appends; its rows, its error and what it leaves are the model's."""
        answer = self.model.answer_all(appends)
        try:
            rows = self.connection.execute(query, given).fetchall()
        except psycopg.DatabaseError as error:
            assert error.sqlstate == answer, error  # noqa: PT017 - None where the model takes the append
            return
        assert not isinstance(answer, str), f"taken, and not refused with {answer}: {given}"
        if answer is not None:
            assert [(old.id, old.version, old.position, old.timestamp) for old in answer] == rows
            return
        last = self.model.events[-1].position if self.model.events else self.start
        positions = [position for _, _, position, _ in rows]
        assert positions == sorted(positions)
        assert positions[0] > last
        for append in appends:
            written, rows = rows[: len(append.new)], rows[len(append.new) :]
            self.model.write(append, written)
        assert not rows

    @rule(stream=streams, event=events, form=expectations, key=keys)
    def append_one(self, stream: str, event: dict[str, Any], form: Any, key: str | None) -> None:
        """Append by append_event()."""
        (event,) = self._own([event])
        append = Append(stream, [event], self._expected(stream, form), key)
        self._check(
            [append],
            _RESULT + "append_event(%(stream)s, %(type)s, %(payload)s, %(expected)s, metadata => %(metadata)s,"
            " bounded_context => %(context)s, group_context => 'm', id => %(id)s, idempotency_key => %(key)s)",
            stream=self.prefix + stream, type=event["event_type"], payload=Jsonb(event["payload"]), id=event.get("id"),
            metadata=Jsonb(event["metadata"]) if "metadata" in event else None,
            expected=append.expected, context=CONTEXTS[stream], key=key,
        )  # fmt: skip

    @rule(stream=streams, batch=batches, form=expectations, key=keys)
    def append_several(self, stream: str, batch: list[dict[str, Any]], form: Any, key: str | None) -> None:
        """Append by append_events()."""
        append = Append(stream, self._own(batch), self._expected(stream, form), key)
        self._check(
            [append],
            _RESULT + "append_events(%(stream)s, %(events)s, %(expected)s,"
            " bounded_context => %(context)s, group_context => 'm', idempotency_key => %(key)s)",
            stream=self.prefix + stream, events=Jsonb(append.new),
            expected=append.expected, context=CONTEXTS[stream], key=key,
        )  # fmt: skip

    @rule(
        calls=st.lists(
            st.tuples(streams, batches, expectations, keys), min_size=1, max_size=4, unique_by=lambda t: t[0]
        )
    )
    def append_to_streams(self, calls: list[tuple[str, list[dict[str, Any]], Any, str | None]]) -> None:
        """Append to several streams in one call."""
        appends = [
            Append(stream, self._own(batch), self._expected(stream, form), key) for stream, batch, form, key in calls
        ]
        call = [
            {
                "aggregate_id": self.prefix + one.stream, "events": one.new, "expected_version": one.expected,
                "idempotency_key": one.key, "bounded_context": CONTEXTS[one.stream], "group_context": "m",
            }
            for one in appends
        ]  # fmt: skip
        self._check(appends, _RESULT + "append_to_streams(%(call)s)", call=Jsonb(call))

    @rule(stream=streams, form=expectations)
    def delete(self, stream: str, form: Any) -> None:
        """Delete a stream; what is expected of one that exists is what an append may expect."""
        expected = self._expected(stream, form)
        self._change(
            stream, "StreamDeleted", -1 if expected is None else expected, "delete_stream(%(stream)s, %(expected)s)"
        )

    @rule(stream=streams)
    def restore(self, stream: str) -> None:
        """Restore a stream."""
        self._change(stream, "StreamRestored", -1, "restore_stream(%(stream)s)")

    def _change(self, stream: str, event_type: str, expected: int, call: str) -> None:
        restoring = event_type == "StreamRestored"
        append = Append(stream, [{"event_type": event_type, "payload": {}}], expected, None)
        refused = None
        if not self.model.of(stream):
            refused = "SE003"
        elif restoring and stream not in self.model.deleted:
            refused = "SE009"
        elif restoring:
            self.model.deleted.discard(stream)
        given = {"stream": self.prefix + stream, "expected": expected}
        if refused:
            self.refused(_RESULT + call, given, refused)
            return
        before = len(self.model.events)
        self._check([append], _RESULT + call, **given)
        if len(self.model.events) > before and not restoring:
            self.model.deleted.add(stream)

    def refused(self, query: str, given: Any, code: str) -> None:
        """Run a statement that fails with a code."""
        try:
            self.connection.execute(query, given)
        except psycopg.DatabaseError as error:
            assert error.sqlstate == code, error  # noqa: PT017 - hypothesis shrinks what this raises
        else:
            raise AssertionError(f"taken, and not refused with {code}: {query}")

    def _known(self, data: st.DataObject, stream: str) -> list[dict[str, Any]]:
        """Give a batch of one event that stands in the stream; none when no event of it has an id of ours."""
        known = [event for event in self.model.of(stream) if event.id.startswith(self.prefix)]
        if not known:
            return []
        old = data.draw(st.sampled_from(known))
        return [{"event_type": old.event_type, "payload": old.payload, "id": old.id[len(self.prefix) :]}]

    @rule(data=st.data(), stream=streams, form=expectations)
    def retry(self, data: st.DataObject, stream: str, form: Any) -> None:
        """Append again what stands there."""
        if batch := self._known(data, stream):
            self.append_several(stream=stream, batch=batch, form=form, key=None)

    @rule(data=st.data(), names=st.lists(streams, min_size=1, max_size=3, unique=True))
    def retry_call(self, data: st.DataObject, names: list[str]) -> None:
        """Append to several streams what stands there, or something new where nothing does."""
        new = [{"event_type": "Made", "payload": {"n": 0}}]
        self.append_to_streams(calls=[(name, self._known(data, name) or new, None, None) for name in names])

    @rule(stream=streams, version=st.integers(max_value=-2))
    def append_nonsense(self, stream: str, version: int) -> None:
        """Expect a version that cannot be; name a context that nobody registered."""
        query = "select esdb.append_event(%s, 'T', '{}', %s::bigint, %s, 'm')"
        self.refused(query, (self.prefix + stream, max(version, -99), "b"), "SE009")
        self.refused(query, (self.prefix + "unknown", 0, "zz"), "SE005")
