"""How many bytes an event takes, by table and index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks import events, pgbench

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.targets.base import Target

_RELATIONS: Final = """
select c.relname, case c.relkind when 'i' then 'index' else 'table' end, pg_relation_size(c.oid)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'i') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'esdb_meta')
order by 3 desc
"""


def measure_sizes(cluster: Cluster, target: Target, *, seconds: int) -> dict[str, Any]:
    """Fill the target as W1 does, one event a stream, 16 clients, and give the bytes per event of each relation."""
    database = f"{target.name}_run"
    cluster.create(database, target.store("empty"))
    script = target.scripts["new_stream"]
    pgbench.run(cluster, database, script, clients=16, seconds=seconds, variables=events.variables())
    count = int(cluster.value(database, target.count))
    with cluster.connection(database) as connection:
        rows = connection.execute(_RELATIONS).fetchall()
    cluster.drop(database)
    relations = [
        {"name": name, "kind": kind, "bytes_per_event": round(size / count, 1)}
        for name, kind, size in rows
        if size / count >= 1
    ]
    return {
        "target": target.name,
        "events": count,
        "bytes_per_event": round(sum(row[2] for row in rows) / count),
        "relations": relations,
    }
