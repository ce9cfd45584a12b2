"""Seals and archives as the feed finds them, made by hand: no barrier, no digest, no file."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from esdb_cli.render import render
from tests.feed_support import value
from tests.fixtures import Connection


class Leaf(NamedTuple):
    """A leaf and its bounds."""

    context: str
    name: str
    lower: datetime
    upper: datetime


def leaves(connection: Connection, *contexts: str) -> list[Leaf]:
    """Give the leaves of some contexts that have an upper bound, the oldest first."""
    rows = connection.execute(
        "select bounded_context, partition, lower_bound, upper_bound from esdb.partitions"
        " where upper_bound is not null and bounded_context = any (%s) order by lower_bound, bounded_context",
        (list(contexts),),
    )
    return [Leaf(*row) for row in rows]


def seal(connection: Connection, *chosen: Leaf) -> None:
    """Note what some leaves hold, in one transaction."""
    with connection.transaction():
        connection.execute("select esdb._lock_maintenance()")
        for leaf in chosen:
            table = sql.Identifier("esdb", leaf.name)
            given = leaf._asdict()
            connection.execute(
                sql.SQL(
                    "insert into esdb.seals (bounded_context, lower_bound, upper_bound, event_count, min_position,"
                    " max_position, events_digest, digest)"
                    " select %(context)s, %(lower)s, %(upper)s, count(*), min(position), max(position), '', '' from {}"
                ).format(table),
                given,
            )
            connection.execute(
                sql.SQL(
                    "insert into esdb.seal_statistics"
                    " select bounded_context, %(lower)s, group_context, event_type, count(*),"
                    " min(timestamp), max(timestamp) from {} group by 1, 3, 4"
                ).format(table),
                given,
            )
        connection.execute("select esdb._set_frontier()")


def unseal(connection: Connection, leaf: Leaf) -> None:
    """Forget what a leaf holds."""
    with connection.transaction():
        connection.execute("select esdb._lock_maintenance()")
        connection.execute(
            "delete from esdb.seals where bounded_context = %(context)s and lower_bound = %(lower)s", leaf._asdict()
        )
        connection.execute("select esdb._set_frontier()")


def set_archived(connection: Connection, leaf: Leaf, state: str) -> None:
    """Bring a sealed leaf into a state of an archive; archived: detach it, too."""
    with connection.transaction():
        connection.execute(
            "select esdb._raise_sequence('esdb.archived_until', extract(epoch from %s)::bigint)", (leaf.upper,)
        )
        connection.execute(
            "insert into esdb.archives"
            " (bounded_context, lower_bound, partition, location, state, keeps_table, archived_at)"
            " values (%(context)s, %(lower)s, %(name)s, '/archive', %(state)s, true,"
            " case when %(state)s = 'archived' then now() end)"
            " on conflict (bounded_context, lower_bound)"
            " do update set state = excluded.state, archived_at = excluded.archived_at",
            {**leaf._asdict(), "state": state},
        )
        if state == "archived":
            connection.execute(_attachment(connection, leaf, "detach partition {leaf}"))


def restore(connection: Connection, leaf: Leaf) -> None:
    """Undo set_archived(), whatever the state."""
    with connection.transaction():
        query = "delete from esdb.archives where bounded_context = %s and lower_bound = %s returning state"
        if value(connection, query, (leaf.context, leaf.lower)) == "archived":
            bounds = sql.SQL(" for values from ({}) to ({})").format(sql.Literal(leaf.lower), sql.Literal(leaf.upper))
            connection.execute(_attachment(connection, leaf, "attach partition {leaf}") + bounds)


def _attachment(connection: Connection, leaf: Leaf, action: str) -> sql.Composed:
    name = value(connection, "select name from esdb.bounded_contexts where code = %s", (leaf.context,))
    return sql.SQL("alter table {context} " + action).format(
        context=sql.Identifier("esdb", f"events_{name}"), leaf=sql.Identifier("esdb", leaf.name)
    )


def make_span(connection: Connection, context: str, lower: datetime, upper: datetime) -> None:
    """Make a leaf of several months."""
    name = value(connection, "select name from esdb.bounded_contexts where code = %s", (context,))
    variables = {
        "context_name": name,
        "partition": value(connection, "select esdb._partition_name(%s, %s, %s)", (name, lower, upper)),
        "lower_bound": lower,
        "upper_bound": upper,
        "optional_indexes": value(connection, "select esdb._leaf_indexes()"),
    }
    connection.execute(sql.SQL(render("create_month", variables)))
