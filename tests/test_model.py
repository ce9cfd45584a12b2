"""A store against a plain model of it: whatever is done in whatever order, both answer alike.

ESDB_TEST_EXAMPLES: how many sequences are tried, 25 unless set; once set, they differ from run to run, and a failure
is made short.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.types.json import Jsonb

from tests.feed_support import mark, until, value
from tests.fixtures import Connection

EXAMPLES = int(os.environ.get("ESDB_TEST_EXAMPLES", "0"))
NAMES = ["a", "b", "c"]
IDS = [f"id-{number}" for number in range(6)]
KEYS = ["k1", "k2"]
TYPES = ["Made", "Changed", "Gone"]
CONTEXTS = {"a": "b", "b": "n", "c": "nt"}

streams = st.sampled_from(NAMES)
versions = st.integers(0, 12)
counts = st.integers(1, 8)
expectations = st.one_of(st.none(), st.sampled_from([0, -1, "exact", "exact", "stale", "ahead"]))
events = st.fixed_dictionaries(
    {"event_type": st.sampled_from(TYPES), "payload": st.fixed_dictionaries({"n": st.integers(0, 2)})},
    optional={"id": st.sampled_from(IDS)},
)
batches = st.lists(events, min_size=1, max_size=4)
type_filters = st.none() | st.lists(st.sampled_from(TYPES), max_size=2)
context_filters = st.none() | st.lists(st.sampled_from(["b", "n", "nt", "p"]), max_size=2)


@dataclass(frozen=True)
class Stored:
    """An event of the model."""

    position: int
    stream: str
    version: int
    id: str
    event_type: str
    payload: dict[str, int]


@dataclass
class Model:
    """What a store is: events in order, and keys that name some of them."""

    events: list[Stored] = field(default_factory=list)
    keys: dict[tuple[str, str], list[Stored]] = field(default_factory=dict)

    def of(self, stream: str) -> list[Stored]:
        """Give a stream's events."""
        return [event for event in self.events if event.stream == stream]

    def answer(self, stream: str, new: list[dict[str, Any]], expected: int | None, key: str | None) -> Any:
        """Give the events that an append repeats, or its error's code, or None when it appends."""
        own = self.of(stream)
        repeated = self._repeated(stream, new, key, by_id=key is not None or expected in {None, -1})
        if repeated is None and expected is not None:
            fits = bool(own) if expected == -1 else expected == len(own)
            if not fits:
                return self._repeated(stream, new, None, by_id=True) or ("SE003" if expected == -1 else "SE001")
        if repeated is not None:
            return repeated
        return "SE007" if self._doubled(stream, new) else None

    def _repeated(self, stream: str, new: list[dict[str, Any]], key: str | None, *, by_id: bool) -> Any:
        ids = [event["id"] for event in new if "id" in event]
        known = self.keys.get((stream, key)) if key else None
        found = known
        if known is None and by_id:
            found = [event for event in self.of(stream) if event.id in ids]
        if not found:
            return None
        same = len(found) == len(new) and all(
            old.event_type == event["event_type"]
            and old.payload == event["payload"]
            and (old.id == event["id"] if "id" in event else known is not None)
            for old, event in zip(found, new, strict=True)
        )
        return found if same else "SE006"

    def _doubled(self, stream: str, new: list[dict[str, Any]]) -> bool:
        """Tell whether an id stands in this stream, whose leaf is its own, or twice in the call."""
        ids = [event["id"] for event in new if "id" in event]
        return len(set(ids)) < len(ids) or any(event.id in ids for event in self.of(stream))


class StoreMachine(RuleBasedStateMachine):
    """Appends and reads, each held against the model."""

    connection: Connection
    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.prefix = f"example-{next(self.numbers)}-"
        self.start = 0

    @initialize()
    def begin(self) -> None:
        """Every example has streams, ids and keys of its own, behind the events of those before."""
        query = "select coalesce(pg_sequence_last_value('esdb.event_position'::regclass), 0)"
        self.start = int(value(self.connection, query))

    def _expected(self, stream: str, form: int | str | None) -> int | None:
        version = len(self.model.of(stream))
        named = {"exact": version, "stale": max(version - 1, 0), "ahead": version + 1}
        return named[form] if isinstance(form, str) else form

    def _own(self, new: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**event, "id": self.prefix + event["id"]} if "id" in event else event for event in new]

    def _check_append(
        self, stream: str, new: list[dict[str, Any]], expected: int | None, key: str | None, query: str, **more: Any
    ) -> None:
        answer = self.model.answer(stream, new, expected, key)
        given = {
            "stream": self.prefix + stream, "expected": expected, "context": CONTEXTS[stream], "key": key, **more,
        }  # fmt: skip
        try:
            rows = self.connection.execute(query, given).fetchall()
        except psycopg.DatabaseError as error:
            assert error.sqlstate == answer, error  # noqa: PT017 - None where the model takes the append
            return
        if answer is not None:
            assert [(old.id, old.version, old.position) for old in answer] == rows
            return
        own = self.model.of(stream)
        last = self.model.events[-1].position if self.model.events else self.start
        written: list[Stored] = []
        for event, (id_, version, position) in zip(new, rows, strict=True):
            assert version == len(own) + len(written) + 1
            assert position > last
            assert id_ == event.get("id", id_)
            last = position
            written.append(Stored(position, stream, version, id_, event["event_type"], event["payload"]))
        self.model.events += written
        if key:
            self.model.keys[stream, key] = written

    @rule(stream=streams, event=events, form=expectations, key=st.none() | st.sampled_from(KEYS))
    def append_one(self, stream: str, event: dict[str, Any], form: Any, key: str | None) -> None:
        """Append by append_event()."""
        (event,) = self._own([event])
        self._check_append(
            stream, [event], self._expected(stream, form), key,
            "select id, version, position from esdb.append_event(%(stream)s, %(type)s, %(payload)s, %(expected)s,"
            " bounded_context => %(context)s, group_context => 'm', id => %(id)s, idempotency_key => %(key)s)",
            type=event["event_type"], payload=Jsonb(event["payload"]), id=event.get("id"),
        )  # fmt: skip

    @rule(stream=streams, batch=batches, form=expectations, key=st.none() | st.sampled_from(KEYS))
    def append_several(self, stream: str, batch: list[dict[str, Any]], form: Any, key: str | None) -> None:
        """Append by append_events()."""
        batch = self._own(batch)
        self._check_append(
            stream, batch, self._expected(stream, form), key,
            "select id, version, position from esdb.append_events(%(stream)s, %(events)s, %(expected)s,"
            " bounded_context => %(context)s, group_context => 'm', idempotency_key => %(key)s)",
            events=Jsonb(batch),
        )  # fmt: skip

    @rule(data=st.data(), stream=streams, form=expectations)
    def retry(self, data: st.DataObject, stream: str, form: Any) -> None:
        """Append again what stands there."""
        known = [event for event in self.model.of(stream) if event.id.startswith(self.prefix)]
        if known:
            old = data.draw(st.sampled_from(known))
            event = {"event_type": old.event_type, "payload": old.payload, "id": old.id[len(self.prefix) :]}
            self.append_several(stream=stream, batch=[event], form=form, key=None)

    @rule(stream=streams, version=st.integers(max_value=-2))
    def append_nonsense(self, stream: str, version: int) -> None:
        """Expect a version that cannot be."""
        try:
            self.connection.execute(
                "select esdb.append_event(%s, 'T', '{}', %s::bigint, 'b', 'm')",
                (self.prefix + stream, max(version, -99)),
            )
        except psycopg.DatabaseError as error:
            assert error.sqlstate == "SE009"  # noqa: PT017 - hypothesis shrinks what this raises
        else:
            raise AssertionError("an append with a negative version was taken")

    @rule(
        stream=streams, first=versions, last=st.none() | versions, count=counts | st.just(1000), backward=st.booleans()
    )
    def read_stream(self, stream: str, first: int, last: int | None, count: int, backward: bool) -> None:
        """Read a range of a stream."""
        rows = self.connection.execute(
            "select position, version, id, event_type, payload from esdb.read_stream(%s, %s, %s, %s, %s)",
            (self.prefix + stream, first, last, count, backward),
        ).fetchall()
        wanted = [event for event in self.model.of(stream) if first <= event.version <= (99 if last is None else last)]
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
                "select version, bounded_context, group_context, updated_at >= created_at, deleted_at"
                " from esdb.get_stream_info(%s)",
                (name,),
            ).fetchall()
            assert rows == ([(len(own), CONTEXTS[stream], "m", True, None)] if own else [])

    def _compare(self, rows: list[tuple[Any, ...]], wanted: list[Stored], count: int, backward: bool) -> None:
        ordered = (wanted[::-1] if backward else wanted)[:count]
        assert rows == [(e.position, e.version, e.id, e.event_type, e.payload) for e in ordered]


def test_the_store_is_its_model(db: Connection) -> None:
    StoreMachine.connection = db
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=EXAMPLES or 25,
            stateful_step_count=40,
            derandomize=not EXAMPLES,
            phases=tuple(Phase) if EXAMPLES else (Phase.generate,),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
