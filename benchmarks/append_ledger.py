"""What each part of an append costs, in microseconds in the backend.

Every variant has a database and a session of its own. A round calls each variant a number of times, with a COMMIT
after each call, and the rounds are interleaved, so that what disturbs the machine disturbs all alike; the lower
quartile of the rounds counts. A part's cost is what its absence saves; the parts do not add up to the whole exactly.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.cluster import Cluster
from benchmarks.ledger_variants import DEFINITION, LIVE_LEAF, SHIPPED, VARIANTS, Variant
from benchmarks.run import RESULTS, is_quick
from benchmarks.targets.esdb import Esdb

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

_CALLS: Final = 200
_WARM_UP_ROUNDS: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the ledger and write it beside the benchmark's results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.append_ledger", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10 if is_quick() else 60, help="rounds of calls a variant")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder to write to")
    options = parser.parse_args(arguments)
    with Cluster() as cluster, ExitStack() as stack:
        sessions = _prepare(cluster, stack)
        samples = _measure(sessions, options.rounds)
    ledger = _ledger(samples)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "append_ledger.json").write_text(json.dumps(ledger, indent=1) + "\n")
    print(_table(ledger))
    return 0


def _prepare(cluster: Cluster, stack: ExitStack) -> list[tuple[Variant, psycopg.Connection[TupleRow], str]]:
    """Make every variant's database and session, with the statement of one round."""
    template = "ledger"
    cluster.create(template)
    Esdb().install(cluster, template)
    leaf = str(cluster.value(template, LIVE_LEAF))
    sessions = []
    for number, variant in enumerate(VARIANTS):
        database = f"ledger_{number}"
        cluster.create(database, template)
        _take_out(cluster, database, variant, leaf)
        connection = stack.enter_context(cluster.connection(database))
        sessions.append((variant, connection, variant.call.replace("{leaf}", f"esdb.{leaf}")))
    return sessions


def _take_out(cluster: Cluster, database: str, variant: Variant, leaf: str) -> None:
    for statement in variant.statements:
        cluster.execute(database, statement.format(leaf=f"esdb.{leaf}", leaf_name=leaf))
    if variant.edit is not None:
        cluster.execute(database, variant.edit(str(cluster.value(database, DEFINITION))))


def _measure(
    sessions: list[tuple[Variant, psycopg.Connection[TupleRow], str]], rounds: int
) -> dict[Variant, list[float]]:
    """Give the microseconds a call of every variant in every round; the order changes from round to round."""
    samples: dict[Variant, list[float]] = {variant: [] for variant, _, _ in sessions}
    for number in range(rounds + _WARM_UP_ROUNDS):
        for variant, connection, call in random.sample(sessions, len(sessions)):
            block = _block(variant, call, number)
            started = time.perf_counter()
            connection.execute(block)
            took = (time.perf_counter() - started) / _CALLS
            if number >= _WARM_UP_ROUNDS:
                samples[variant].append(took * 1e6)
    return samples


def _block(variant: Variant, call: str, number: int) -> str:
    """Write one round: calls in a loop, each in a transaction of its own.

    A call on an existing stream meets the same streams in every round; the first round makes them.
    """
    base = 100_000_000 if variant.existing_stream else 100_000_000 + number * _CALLS
    if variant.existing_stream and number == 0:
        call = SHIPPED.call
    if call.startswith("select "):
        call = "perform " + call.removeprefix("select ")
    return f"""do $round$
declare
    _round constant bigint := {number};
    _number bigint := {base};
begin
    for _ in 1..{_CALLS} loop
        _number := _number + 1;
        {call};
        commit;
    end loop;
end $round$"""


def _ledger(samples: dict[Variant, list[float]]) -> list[dict[str, Any]]:
    quartiles = {variant: statistics.quantiles(times, n=4)[0] for variant, times in samples.items()}
    return [
        {
            "part": variant.part,
            "us": round(us, 1),
            "saves_us": round(quartiles[SHIPPED] - us, 1) if variant.saves else None,
            "rounds": len(samples[variant]),
        }
        for variant, us in quartiles.items()
    ]


def _table(ledger: list[dict[str, Any]]) -> str:
    lines = ["| part | µs a call without it | its cost, µs |", "| --- | ---: | ---: |"]
    lines += [
        f"| {row['part']} | {row['us']:.1f} | {row['saves_us']:.1f} |" for row in ledger if row["saves_us"] is not None
    ]
    lines += ["", "| call | µs |", "| --- | ---: |"]
    lines += [f"| {row['part']} | {row['us']:.1f} |" for row in ledger if row["saves_us"] is None]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
