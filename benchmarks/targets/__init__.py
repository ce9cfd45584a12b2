"""The targets, in the order of the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.targets.emmett import Emmett, EmmettIndexed
from benchmarks.targets.esdb import Esdb, EsdbRow, EsdbUnannounced, RawSame
from benchmarks.targets.eventsourcing import EventsourcingFunctions, EventsourcingLocked
from benchmarks.targets.message_db import MessageDb, MessageDbCategories
from benchmarks.targets.raw import Raw

if TYPE_CHECKING:
    from benchmarks.targets.base import Target

TARGETS: Final[tuple[type[Target], ...]] = (
    Esdb,
    EsdbRow,
    EsdbUnannounced,
    RawSame,
    Raw,
    MessageDb,
    MessageDbCategories,
    Emmett,
    EmmettIndexed,
    EventsourcingLocked,
    EventsourcingFunctions,
)
