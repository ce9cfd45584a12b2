"""The variants of the append that the ledger compares: each is the shipped store with one part taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks import events

_ARGUMENTS: Final = f"""aggregate_id => 'order-' || _number, event_type => 'OrderPlaced',
    payload => '{events.PAYLOAD}'::text::jsonb, metadata => '{events.METADATA}'::text::jsonb"""
_CONTEXTS: Final = "bounded_context => 'b', group_context => 'm', aggregate_type => 'Order'"
NEW_STREAM: Final = f"select esdb.append_event({_ARGUMENTS}, expected_version => 0, {_CONTEXTS})"
PLAIN_INSERT: Final = f"""insert into esdb.events (
    position, id, bounded_context, group_context, feature_context, action_type, aggregate_type, aggregate_id,
    event_type, version, timestamp, payload, metadata)
values (
    nextval('esdb.event_position'), '01JD00000000' || _number, 'b', 'm', 'c', 'create', 'Order', 'order-' || _number,
    'OrderPlaced', 1, clock_timestamp(), '{events.PAYLOAD}'::text::jsonb, '{events.METADATA}'::text::jsonb)"""
_IDS: Final = """('{"correlation_id": "01JD3K8Q9V5W2X7Y4Z' || _number || '", "user_id": "u-48211",
    "causation_id": "01JD3K8Q9V5W2X7Y5A' || _number || '"}')::jsonb"""
_GIVEN: Final = f"'{events.METADATA}'::text::jsonb"
WITH_IDS: Final = NEW_STREAM.replace(_GIVEN, _IDS)
WITHOUT_METADATA: Final = NEW_STREAM.replace(_GIVEN, "null")
LIVE_LEAF: Final = """select partition from esdb.partitions
    where bounded_context = 'b' and kind = 'month' and now() >= lower_bound and now() < upper_bound"""
DEFINITION: Final = "select pg_get_functiondef('esdb.append_event'::regproc)"


class VariantError(RuntimeError):
    """The append function has changed, so that a part cannot be found in it; mend the variant."""


@dataclass(frozen=True)
class Variant:
    """One way to append.

    part: what is missing, or how the call differs. edit: changes the function's definition. statements: DDL run
    first; {leaf} stands for the live month. call: the statement timed; _number is different in every call, and in a
    call on an existing stream each of the round's numbers comes again in every round.
    """

    part: str
    edit: Callable[[str], str] | None = None
    statements: tuple[str, ...] = ()
    call: str = NEW_STREAM
    existing_stream: bool = False
    saves: bool = True


def _cut(start: str, end: str, replacement: str = "") -> Callable[[str], str]:
    """Cut from one text to another, both once in the definition; the end stays."""

    def edit(definition: str) -> str:
        pattern = re.compile(re.escape(start) + ".*?(?=" + re.escape(end) + ")", re.DOTALL)
        edited, count = pattern.subn(lambda _: replacement, definition)
        if count != 1:
            raise VariantError(f"{count} places between {start!r} and {end!r}")
        return edited

    return edit


def _both(*edits: Callable[[str], str]) -> Callable[[str], str]:
    def edit(definition: str) -> str:
        for one in edits:
            definition = one(definition)
        return definition

    return edit


_CHECKS: Final = "    _small := length(append_event.aggregate_id)"
_RARE: Final = "            or append_event.feature_context is not null\n"
_LOOK_AROUND: Final = "            or abs("
_DRAW: Final = "        when pg_advisory_xact_lock_shared("
_DRAWN: Final = "    end;\n    if _position is null"
_WAKE: Final = "        if esdb._wake_listeners()"
_ANNOUNCE: Final = "        perform esdb._announce(_had_xid);"
_INSERT: Final = "    -- 3. the event"
_RESULT: Final = "    return (_id, _version"
_EARLY: Final = "    -- made before the stream is locked"
_LOOK: Final = "        if _looks then"

unannounced: Final = _both(
    _cut(_DRAW, _DRAWN, "        else nextval('esdb.event_position'::regclass)\n"),
    _cut(_ANNOUNCE, "        _position := nextval"),
)
"""Takes the announcement out of the append."""
without_wake_up: Final = _both(_cut(_LOOK_AROUND, "            then null"), _cut(_WAKE, _ANNOUNCE))
"""Takes out of the append what it does once in 20 ms: waking listeners, publishing the mark, beginning an epoch."""

_PARTS: Final = (
    Variant("argument checks", _cut(_CHECKS, _EARLY)),
    Variant("retries (lookup before)", _cut(_LOOK, "        if _refused")),
    Variant(
        "id (ULID)",
        _cut("    if _id is null then", "    -- 1. the stream's row", "    _id := append_event.aggregate_id;\n"),
    ),
    Variant(
        "stream row",
        _cut(
            "                insert into esdb.streams\n",
            "                    _version := 1",
            "                if true then\n",
        ),
    ),
    Variant("tests of what is rare: feature, newest month", _cut(_RARE, _LOOK_AROUND)),
    Variant("announcement", unannounced),
    Variant("a look around: wake-ups, mark, epoch", without_wake_up),
    Variant("insert of the event, indexes and all", _cut(_INSERT, _RESULT)),
    Variant("set search_path", _cut(" SET search_path TO ", "AS $function$")),
    Variant("security definer", lambda definition: definition.replace(" SECURITY DEFINER\n", "\n")),
)
_INDEXES: Final = tuple(
    Variant(f"index: {meaning}", statements=(statement,))
    for meaning, statement in (
        ("id (primary key)", "alter table {leaf} drop constraint {leaf_name}_pkey"),
        ("aggregate and version", "alter table {leaf} drop constraint {leaf_name}_version"),
        ("position", "alter table {leaf} drop constraint {leaf_name}_position"),
        ("event type", "drop index {leaf}_event_type"),
    )
)


def optional_index(name: str, table: str) -> str:
    """Write what makes an optional index's parts on one table."""
    return f"""do $make$
declare
    _part record;
begin
    for _part in
        select * from esdb._optional_index_parts() as p where p.name = '{name}' and p.table_name = '{table}'
    loop
        execute format(
            'create index %I on esdb.%I using btree (%s)%s',
            _part.index_name, _part.table_name, _part.keys, ' where ' || _part.predicate);
    end loop;
end $make$"""


_CONTEXT: Final = "create index on {leaf} (group_context, feature_context, position)"
_TIMESTAMP: Final = "create index on {leaf} using brin (timestamp)"
_CORRELATION: Final = (optional_index("correlation", "{leaf_name}"),)
_OTHERS: Final = (
    Variant("correlation and causation id in the metadata", call=WITH_IDS, saves=False),
    Variant("the same, optional index correlation", statements=_CORRELATION, call=WITH_IDS, saves=False),
    Variant("no metadata", call=WITHOUT_METADATA, saves=False),
    Variant("the same, optional index correlation", statements=_CORRELATION, call=WITHOUT_METADATA, saves=False),
    Variant("optional index streams", statements=(optional_index("streams", "streams"),), saves=False),
    Variant("index on contexts, which comes with the seal", statements=(_CONTEXT,), saves=False),
    Variant("BRIN on timestamp, which comes with the seal", statements=(_TIMESTAMP,), saves=False),
    Variant("an id of the caller's", call=NEW_STREAM[:-1] + ", id => 'own-' || _number)", saves=False),
    Variant("called as `select * from f()`", call=NEW_STREAM.replace("select ", "select * from ", 1), saves=False),
    Variant(
        "existing stream, exact version",
        call=f"select esdb.append_event({_ARGUMENTS}, expected_version => _round)",
        existing_stream=True,
        saves=False,
    ),
    Variant(
        "existing stream, any version",
        call=f"select esdb.append_event({_ARGUMENTS})",
        existing_stream=True,
        saves=False,
    ),
    Variant("plain INSERT into the same tree", call=PLAIN_INSERT, saves=False),
    Variant("plain INSERT into the leaf itself", call=PLAIN_INSERT.replace("esdb.events", "{leaf}"), saves=False),
    Variant(
        "plain INSERT, only the keys' indexes",
        statements=("drop index {leaf}_event_type",),
        call=PLAIN_INSERT,
        saves=False,
    ),
    Variant("nothing but the loop and its COMMIT, with a transaction id", call="select txid_current()", saves=False),
)

SHIPPED: Final = Variant("as shipped, new stream", saves=False)
VARIANTS: Final = (SHIPPED, *_PARTS, *_INDEXES, *_OTHERS)
