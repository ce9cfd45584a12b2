"""How many bytes an event takes, by table and index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.workloads import READ_BASE

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.targets.base import Target

_EVENTS: Final = 50_000
STREAM_LENGTHS: Final = (1, 10)
"""Events a stream: esdb keeps a row for each, so the shorter they are the more an event takes."""
_RELATIONS: Final = """
select c.relname, case c.relkind when 'i' then 'index' else 'table' end, pg_relation_size(c.oid)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'i') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'esdb_meta')
"""


def measure_sizes(cluster: Cluster, target: Target, stream_length: int) -> dict[str, Any]:
    """Give the bytes per event of each relation that has grown, with streams of so many events."""
    database = f"{target.name}_run"
    cluster.create(database, target.store("empty"))
    before = _relations(cluster, database)
    target.fill(cluster, database, READ_BASE, _EVENTS // stream_length, stream_length)
    after = _relations(cluster, database)
    cluster.drop(database)
    grown = {key: (size - before.get(key, 0)) / _EVENTS for key, size in after.items()}
    return {
        "target": target.name,
        "events": _EVENTS,
        "stream_length": stream_length,
        "bytes_per_event": round(sum(grown.values())),
        "relations": [
            {"name": name, "kind": kind, "bytes_per_event": round(size, 1)}
            for (name, kind), size in sorted(grown.items(), key=lambda item: -item[1])
            if size >= 0.05
        ],
    }


def _relations(cluster: Cluster, database: str) -> dict[tuple[str, str], int]:
    with cluster.connection(database) as connection:
        return {(name, kind): size for name, kind, size in connection.execute(_RELATIONS)}
