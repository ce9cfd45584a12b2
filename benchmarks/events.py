"""The events that every target stores: about 290 bytes of payload and 120 of metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

PAYLOAD: Final = json.dumps(
    {
        "order_number": "2026-0042-1187",
        "customer": {"name": "Sample Customer", "number": "C-0098213", "country": "CH"},
        "lines": [
            {"sku": "BK-10042", "quantity": 2, "unit_price": 3495},
            {"sku": "PN-00317", "quantity": 10, "unit_price": 190},
        ],
        "currency": "CHF",
        "total": 8890,
        "placed_through": "web",
    }
)
METADATA: Final = json.dumps(
    {
        "correlation_id": "01JD3K8Q9V5W2X7Y4Z6A1B0C3D",
        "user_id": "u-48211",
        "source_service": "checkout",
        "session": "b7c1",
    }
)


def _array(value: str, count: int) -> str:
    """Write a PostgreSQL array of one text over and over."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "{" + ",".join([quoted] * count) + "}"


def variables() -> Mapping[str, str]:
    """Give the variables that scripts may name: one event, and batches of 10 and 100 in the forms targets take.

    A target that stores bytes gets payload and metadata as one document, since it has no column for metadata.
    """
    state = "\\x" + json.dumps({**json.loads(PAYLOAD), "metadata": json.loads(METADATA)}).encode().hex()
    one = {"event_type": "OrderPlaced", "payload": json.loads(PAYLOAD), "metadata": json.loads(METADATA)}
    values = {"payload": PAYLOAD, "metadata": METADATA, "state": state}
    for count in (10, 100):
        values |= {
            f"events{count}": json.dumps([one] * count),
            f"payloads{count}": _array(PAYLOAD, count),
            f"metadatas{count}": _array(METADATA, count),
            f"states{count}": _array(state, count),
        }
    return values
