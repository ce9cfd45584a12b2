"""`esdb verify` names each kind of damage to the data, in months, spans and the overflow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import Databases
from tests.feed_support import value
from tests.verified_store import Store, lines, sound_store


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Store]:
    """A sound store; each test undoes what it breaks."""
    with sound_store(databases) as made:
        yield made


DAMAGES = {
    "version lost in the middle": (
        "delete from {first} where aggregate_id = 'solo' and version = 3",
        ["stream versions solo: a gap or a duplicate before version 4, 1 in all (in {first})"],
    ),
    "two versions lost": (
        "delete from {first} where aggregate_id = 'solo' and version in (2, 4)",
        [
            "stream versions solo: a gap or a duplicate before version 3, 1 in all (in {first})",
            "stream versions solo: {month0} ends with version 3, by the stream's row and months with 4 (in {first})",
        ],
    ),
    "first version lost": (
        (
            "delete from {first} where aggregate_id = 's' and version = 1; update esdb.streams set created_at ="
            " (select min(timestamp) from {first} where aggregate_id = 's') where aggregate_id = 's'"
        ),
        ["stream versions s: {month0} begins with version 2, noted is 1 (in {first})"],
    ),
    "last version of a month lost": (
        "delete from {second} where aggregate_id = 's' and version = 4",
        ["stream versions s: {month1} ends with version 3, by the stream's row and months with 4 (in {second})"],
    ),
    "newest version lost": (
        "delete from {overflow} where aggregate_id = 's' and version = 10",
        ["stream versions s: {last} ends with version 9, by the stream's row and months with 10 (in {overflow})"],
    ),
    "a month of the span lost": (
        "delete from {span} where aggregate_id = 's' and version in (7, 8)",
        ["stream versions s: versions 7 to 8, noted for {month3}, are missing (in {span})"],
    ),
    "all of a stream's month lost": (
        "delete from {second} where aggregate_id = 's'",
        ["stream versions s: versions 3 to 4, noted for {month1}, are missing (in {second})"],
    ),
    "a version lost in the span": (
        "delete from {span} where aggregate_id = 'late' and version = 2",
        ["stream versions late: {month2} ends with version 1, by the stream's row and months with 2 (in {span})"],
    ),
    "a version twice": (
        (
            "alter table {first} drop constraint {first_name}_version, drop constraint {first_name}_position;"
            "update {first} set version = 2 where aggregate_id = 'solo' and version = 3"
        ),
        ["stream versions solo: a gap or a duplicate before version 2, 2 in all (in {first})"],
    ),
    "a version in two months": (
        "update {second} set version = 2 where aggregate_id = 's' and version = 3",
        [
            "stream versions s: a gap or a duplicate before version 4, 1 in all (in {second})",
            "stream versions s: {month1} begins with version 2, noted is 3 (in {second})",
        ],
    ),
    "stream's version too high": (
        "update esdb.streams set version = 5 where aggregate_id = 'solo'",
        ["stream versions solo: {month0} ends with version 4, by the stream's row and months with 5 (in {first})"],
    ),
    "stream's version too low": (
        "update esdb.streams set version = 1 where aggregate_id = 'late'",
        ["stream versions late: {month2} ends with version 2, by the stream's row and months with 1 (in {span})"],
    ),
    "stream without events": (
        "delete from {first} where aggregate_id = 'solo'",
        ["stream versions solo: versions 1 to 4, noted for {month0}, are missing (in {first})"],
    ),
    "stream at version 0": (
        (
            "delete from {span} where aggregate_id = 'late';"
            "update esdb.streams set version = 0 where aggregate_id = 'late'"
        ),
        [
            (
                "stream versions late: no event of {month2}, which is noted to begin with version 1;"
                " the stream is at version 0 (in {span})"
            )
        ],
    ),
    "events without a stream": (
        (
            "delete from esdb.idempotency_keys; delete from esdb.snapshots where aggregate_id = 'solo';"
            " delete from esdb.streams where aggregate_id = 'solo'"
        ),
        ["stream missing solo: there is no such stream, but versions 1 to 4 (in {first})"],
    ),
    "events without a stream in the span": (
        "delete from esdb.streams where aggregate_id = 'late'",
        ["stream missing late: there is no such stream, but versions 1 to 2 (in {span})"],
    ),
    "month not noted": (
        "delete from esdb.stream_months where aggregate_id = 's' and first_version = 7",
        [
            "stream months s: versions 7 to 8 are of {month3}, a month that the stream does not note (in {span})",
            "stream versions s: {month2} ends with version 6, by the stream's row and months with 8 (in {span})",
        ],
    ),
    "month noted with another version": (
        "update esdb.stream_months set first_version = 4 where aggregate_id = 's' and first_version = 3",
        [
            "stream versions s: {month0} ends with version 2, by the stream's row and months with 3 (in {first})",
            "stream versions s: {month1} begins with version 3, noted is 4 (in {second})",
        ],
    ),
    "month noted of no stream": (
        "insert into esdb.stream_months values ('nobody', '{month1}-01 00:00:00Z', 2)",
        ["stream months nobody: a month is noted, {month1}, but there is no such stream"],
    ),
    "month_version": (
        "update esdb.streams set month_version = 10 where aggregate_id = 's'",
        ["stream months s: month_version is 10, but its newest month begins with version 9 (in {overflow})"],
    ),
    "type of events": (
        "update {span} set aggregate_type = 'other' where aggregate_id = 's' and version = 5",
        ["stream type s: the stream is of type bookmark, events of type other (in {span})"],
    ),
    "type of a stream": (
        "update esdb.streams set aggregate_type = 'other' where aggregate_id = 'solo'",
        ["stream type solo: the stream is of type other, events of type bookmark (in {first})"],
    ),
    "times turned round": (
        (
            "update {first} set timestamp = timestamp + interval '1 hour' where aggregate_id = 'solo' and version = 2;"
            "update esdb.streams set updated_at = updated_at + interval '1 hour' where aggregate_id = 'solo'"
        ),
        ["stream times solo: the timestamp of version 3 is before that of the version before (in {first})"],
    ),
    "positions turned round": (
        "update {first} set position = position + 1000 where aggregate_id = 'solo' and version = 2",
        ["stream times solo: the position of version 3 is not above that of the version before (in {first})"],
    ),
    "no partition for its month": (
        "update esdb.streams set created_at = '2001-05-05Z' where aggregate_id = 'solo'",
        [
            "stream months solo: versions 1 to 4 are of {month0}, a month that the stream does not note (in {first})",
            (
                "stream months solo: no partition of context b holds 2001-05, in which 1 streams have events,"
                " this one the first"
            ),
        ],
    ),
    "an id in two months": (
        (
            "update {second} set id = (select id from {first} where aggregate_id = 'solo' and version = 1)"
            " where aggregate_id = 's' and version = 3"
        ),
        ["event id {id}: given to more than one event: solo version 1 in {first}, s version 3 in {second}"],
    ),
    "an id in the span and the overflow": (
        (
            "update {overflow} set id = '!' where aggregate_id = 's' and version = 9;"
            "update {span} set id = '!' where aggregate_id = 's' and version = 5"
        ),
        ["event id !: given to more than one event: s version 5 in {span}, s version 9 in {overflow}"],
    ),
    "an id twice in a stream of one version a leaf": (
        (
            "update {second} set id = '!' where aggregate_id = 's' and version = 3;"
            "update {first} set id = '!' where aggregate_id = 's' and version = 1"
        ),
        ["event id !: given to more than one event: s version 1 in {first}, s version 3 in {second}"],
    ),
    "the last of all ids": (
        (
            "update {overflow} set id = '~' where aggregate_id = 's' and version = 9;"
            "update {span} set id = '~' where aggregate_id = 's' and version = 5"
        ),
        ["event id ~: given to more than one event: s version 5 in {span}, s version 9 in {overflow}"],
    ),
    "no version": (
        "update esdb.streams set version = null where aggregate_id = 'late'",
        ["stream head late: its row has no version, and no head is detached from it"],
    ),
    "a version and a detached head": (
        "insert into esdb.detached_heads values ('late', 1, 1, now())",
        ["stream head late: detached, of version 1, but its row has a version, 2"],
    ),
    "two detached heads": (
        (
            "select esdb._detach_head('late');"
            "insert into esdb.detached_heads select aggregate_id, 1, 1, updated_at from esdb.detached_heads"
        ),
        ["stream head late: detached, of version 1, but so is one of version 2"],
    ),
    "a detached head of no stream": (
        "insert into esdb.detached_heads values ('nobody', 1, 1, now())",
        ["stream head nobody: detached, of version 1, but there is no such stream"],
    ),
    "snapshot ahead": (
        "update esdb.snapshots set version = 11 where aggregate_id = 's'",
        ["snapshot s: of version 11, ahead of the stream, which is at version 10"],
    ),
    "snapshot of no stream": (
        (
            "alter table esdb.snapshots drop constraint snapshots_aggregate_id_fkey;"
            "insert into esdb.snapshots values ('nobody', 1, '{{}}')"
        ),
        ["snapshot nobody: of version 1, but there is no such stream"],
    ),
    "key beyond the stream": (
        "update esdb.idempotency_keys set first_version = 2",
        ["idempotency key key of solo: names 4 events from version 2 on, but the stream is at version 4"],
    ),
    "key of no stream": (
        "update esdb.idempotency_keys set aggregate_id = 'nobody'",
        ["idempotency key key of nobody: there is no such stream"],
    ),
    "stream of another context": (
        "update esdb.streams set bounded_context = 'n' where aggregate_id = 'late'",
        [
            "stream context late: the stream is in context n, its versions 1 to 2 in b (in {span})",
            "stream versions late: versions 1 to 2, noted for {month2}, are missing (in {note_leaf})",
        ],
    ),
    "deleted_at lost": (
        "update esdb.streams set deleted_at = null where aggregate_id = 'gone'",
        ["stream deletion gone: its newest event, version 2, is StreamDeleted, but deleted_at is not set"],
    ),
    "deleted_at of another time": (
        "update esdb.streams set deleted_at = '2001-02-03 04:05:06Z' where aggregate_id = 'gone'",
        [("stream deletion gone: deleted_at is 2001-02-03 04:05:06+00, its StreamDeleted, version 2, is of {gone_at}")],
    ),
    "deleted_at of a stream that lives": (
        "update esdb.streams set deleted_at = '2001-02-03 04:05:06Z' where aggregate_id = 'late'",
        [
            (
                "stream deletion late: deleted_at is 2001-02-03 04:05:06+00,"
                " but its newest event, version 2, is no StreamDeleted"
            )
        ],
    ),
    "deleted_at of a stream that was restored": (
        "update esdb.streams set deleted_at = updated_at where aggregate_id = 'back'",
        ["stream deletion back: deleted_at is {back_at}, but its newest event, version 3, is no StreamDeleted"],
    ),
    "a StreamDeleted of another feature": (
        "update {overflow} set feature_context = 'c' where aggregate_id = 'gone' and version = 2",
        ["stream deletion gone: deleted_at is {gone_at}, but its newest event, version 2, is no StreamDeleted"],
    ),
}


STREAMS = " union ".join(
    f"select aggregate_id from esdb.{table}"
    for table in ("streams", "detached_heads", "events", "stream_months", "snapshots", "idempotency_keys")
)


@pytest.mark.parametrize(("damage", "faults"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_to_the_data_is_named(store: Store, damage: str, faults: list[str]) -> None:
    connection = store.connection
    names = {
        **store.names,
        "first_name": store.names["first"].removeprefix("esdb."),
        "last": value(connection, "select to_char(max(month), 'YYYY-MM') from esdb.stream_months"),
        "gone_at": value(connection, "select updated_at::text from esdb.streams where aggregate_id = 'gone'"),
        "back_at": value(connection, "select updated_at::text from esdb.streams where aggregate_id = 'back'"),
        "id": value(connection, "select id from esdb.events where aggregate_id = 'solo' and version = 1"),
    }
    store.names.update(names)
    with connection.transaction(force_rollback=True):
        store.damage(damage)
        found = lines(connection)
        wanted = sorted(fault.format(**names) for fault in faults)
        assert sorted(found) == wanted
        # one stream's check finds what is wrong with it; other streams have no part in that, nor in its ids
        alone = [line for (stream,) in connection.execute(STREAMS).fetchall() for line in lines(connection, stream)]
        assert sorted(alone) == [line for line in wanted if ": given to more than one event: solo" not in line]
