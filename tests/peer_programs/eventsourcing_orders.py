"""Writes orders with the eventsourcing library, and prints the events that it then reads, a JSON object a line.

Settings of the database and of the library come by its environment variables. Arguments: the application's name, how
many orders, how many items each. Run with the library on PYTHONPATH.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Order(Aggregate):  # type: ignore[misc]  # the library is not there for mypy
    """An order of some items."""

    class Placed(Aggregate.Created):  # type: ignore[misc]
        """It was placed."""

        total: Decimal
        customer: UUID

    @event(Placed)  # type: ignore[untyped-decorator]
    def __init__(self, total: Decimal, customer: UUID) -> None:
        """Make it."""
        self.total = total
        self.customer = customer
        self.items: list[str] = []

    @event("ItemAdded")  # type: ignore[untyped-decorator]
    def add(self, sku: str, due: datetime, notes: dict[str, Any]) -> None:
        """Add an item."""
        self.items.append(f"{sku} {due} {notes}")


class Orders(Application):  # type: ignore[misc]
    """Takes orders."""

    snapshotting_intervals = {Order: 3}  # noqa: RUF012


def main() -> None:
    """Write and print."""
    name, orders, items = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    Orders.name = name
    with closing(Orders()) as app:
        made = [Order(Decimal("10.50") + number, uuid5(NAMESPACE_URL, str(number))) for number in range(orders)]
        app.save(*made)
        for item in range(items):
            for number, order in enumerate(made):
                due = datetime(2026, 1, 1 + item % 28, tzinfo=UTC)
                order.add(f'sku "{number}"', due, {"é\\": [1, None, {"a": uuid5(NAMESPACE_URL, "x")}]})
                app.save(order)
        for stored in app.recorder.select_notifications(start=1, limit=orders * (items + 1)):
            read = app.mapper.to_domain_event(stored)
            values = {key: value for key, value in vars(read).items() if key != "timestamp"}
            print(
                json.dumps({"topic": stored.topic, "timestamp": read.timestamp.isoformat(), **values}, default=_plain)
            )


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return value.hex
    return value.isoformat() if isinstance(value, datetime) else str(value)
