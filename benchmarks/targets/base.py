"""What every target of the benchmark offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from benchmarks import events
from benchmarks.workloads import HOT_STREAM, READ_BASE, READ_LENGTH, READ_STREAMS, STREAMS, STREAMS_BASE

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster


@dataclass(frozen=True)
class Feed:
    """How the feed is written and read for the test of its safety.

    write: appends one event, %(stream)s and %(version)s (the one it will have) given, and returns its version, or
    null where somebody else was quicker. before_write: statements that the target's own client sends first.
    read: the page after %(cursor)s (and %(cursor2)s): rows of stream, version, cursor, cursor2.
    shared: writers may share streams, because an append need not state the version.
    """

    write: str
    read: str
    before_write: tuple[str, ...] = ()
    shared: bool = False


class Target(ABC):
    """A way to store events in PostgreSQL.

    safe: its feed shows every event once, however writers overlap. scripts: pgbench scripts by name; a workload whose
    script is missing does not apply to it. seed: a statement that appends one event, the one with version
    %(version)s, to each of %(count)s streams from number %(base)s on. count: a query for the number of events.
    data_of: the target whose databases it starts from, where they are not its own.
    """

    name: ClassVar[str]
    note: ClassVar[str]
    safe: ClassVar[bool]
    jsonb: ClassVar[bool] = True
    peer: ClassVar[bool] = True
    seed: ClassVar[str]
    count: ClassVar[str]
    data_of: ClassVar[str | None] = None
    feed: ClassVar[Feed | None] = None

    @property
    @abstractmethod
    def scripts(self) -> Mapping[str, str]:
        """The pgbench scripts by name."""

    @abstractmethod
    def install(self, cluster: Cluster, database: str) -> None:
        """Make the target's schema in an empty database."""

    def store(self, kind: str) -> str:
        """Give the name of the template database that a workload starts from."""
        return f"{self.data_of or self.name}_{kind}"

    def prepare(self, cluster: Cluster) -> None:
        """Make the databases that the workloads start from."""
        cluster.create(self.store("empty"))
        self.install(cluster, self.store("empty"))
        cluster.create(self.store("streams"), self.store("empty"))
        self.fill(cluster, self.store("streams"), STREAMS_BASE, STREAMS, 1)
        self.fill(cluster, self.store("streams"), HOT_STREAM, 1, 1)
        cluster.create(self.store("history"), self.store("empty"))
        self.fill(cluster, self.store("history"), READ_BASE, READ_STREAMS, READ_LENGTH)

    def fill(self, cluster: Cluster, database: str, base: int, count: int, versions: int) -> None:
        """Append to a number of new streams, from number base on, a number of events each; then vacuum."""
        values = {**events.variables(), "base": base, "count": count}
        for version in range(1, versions + 1):
            cluster.execute(database, self.seed, {**values, "version": version})
        cluster.execute(database, "vacuum analyze")
