"""A file of events as `esdb import` takes it: several contexts and months, many short streams and some long ones.

The order is that of a store that has run for a while: some thousand streams are alive at a time and take turns, each
ends after ten events and a new one begins, and a tenth of all events belong to a few streams that never end.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from benchmarks.events import METADATA, PAYLOAD

if TYPE_CHECKING:
    from pathlib import Path

CONTEXTS: Final = ("b", "n", "nt", "p")
MONTHS: Final = 12
STREAM_LENGTH: Final = 10
LONG_STREAMS: Final = 10
_ALIVE: Final = 2000
_BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
_LINE: Final = (
    '{"position":%d,"id":"01HK%022d","bounded_context":"%s","group_context":"m","feature_context":"%s",'
    '"action_type":"%s","aggregate_type":"order","aggregate_id":"order-%07d","event_type":"%s","schema_version":1,'
    '"version":%d,"timestamp":"%s","occurred_at":null,"payload":' + PAYLOAD.replace("%", "%%") + ',"metadata":'
    + METADATA.replace("%", "%%") + ',"recorded_by":"app"}\n'
)  # fmt: skip
_TYPES: Final = ("OrderPlaced", "ItemAdded", "ItemRemoved", "PaymentReceived", "OrderShipped")


def write(path: Path, count: int) -> None:
    """Write so many events; the same ones each time."""
    rng = random.Random(1)
    step = timedelta(days=MONTHS * 30.4) / count
    versions = [0] * LONG_STREAMS
    alive = list(range(LONG_STREAMS, LONG_STREAMS + _ALIVE))
    versions += [0] * _ALIVE
    with path.open("w", encoding="utf-8") as file:
        for position in range(1, count + 1):
            slot = rng.randrange(_ALIVE)
            stream = rng.randrange(LONG_STREAMS) if rng.random() < 0.1 else alive[slot]
            versions[stream] += 1
            version = versions[stream]
            if stream >= LONG_STREAMS and version == STREAM_LENGTH:
                alive[slot] = len(versions)
                versions.append(0)
            feature, action = ("c", "create") if version == 1 else ("u", "update")
            context = CONTEXTS[stream % len(CONTEXTS)]
            time = (_BEGIN + step * position).isoformat()
            event_type = _TYPES[min(version - 1, 4)]
            file.write(_LINE % (position, position, context, feature, action, stream, event_type, version, time))
