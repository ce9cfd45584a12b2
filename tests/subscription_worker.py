"""A worker of a subscription, as a process of its own: what is done to it is done to a real one.

`python -m tests.subscription_worker URL SUBSCRIPTION NAME SEED` works until it is killed, through restarts of the
server. The effect of an event is a row in the table effects, in the transaction of the ack. An event whose payload says
"fails" is nacked as often as it says.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from esdb_cli.exceptions import StaleToken
from tests.feed_support import keep_at_it, random_of
from tests.fixtures import Connection

EFFECTS = """
    create table effects (
        number bigint generated always as identity, position bigint, aggregate_id text, version bigint);
    update esdb.settings set value = '1 millisecond' where name = 'retry_delay';
"""


@dataclass(frozen=True)
class Worker:
    """What a worker is told."""

    url: str
    subscription: str
    name: str
    counts: Sequence[int]
    lease: str
    dice: random.Random

    def run(self) -> None:
        """Work for ever."""
        keep_at_it(self.url, self._work)

    def _work(self, connection: Connection) -> None:
        while True:
            if not self._handle(connection):
                time.sleep(0.005)

    def _handle(self, connection: Connection) -> bool:
        """Handle one claim; tell whether there was any."""
        claimed = connection.execute(
            "select token, attempt, position, aggregate_id, version, coalesce((payload ->> 'fails')::integer, 0)"
            " from esdb.claim_events(%s, %s, %s, %s)",
            (self.subscription, self.name, self.dice.choice(self.counts), self.lease),
        ).fetchall()
        if not claimed:
            return False
        good = claimed[: next((n for n, row in enumerate(claimed) if row[1] <= row[5]), len(claimed))]
        token = claimed[0][0]
        try:
            with connection.transaction():
                columns = [[row[column] for row in good] for column in (2, 3, 4)]
                connection.execute(
                    "insert into effects (position, aggregate_id, version)"
                    " select * from unnest(%s::bigint[], %s::text[], %s::bigint[])",
                    columns,
                )
                if self.dice.random() < 0.1:
                    time.sleep(self.dice.random() * 0.02)
                if len(good) == len(claimed):
                    connection.execute("select esdb.ack(%s, %s, %s)", (self.subscription, token, good[-1][2]))
                else:
                    failed = claimed[len(good)][2]
                    connection.execute("select esdb.nack(%s, %s, %s, 'as told')", (self.subscription, token, failed))
        except StaleToken:
            pass  # others do it
        return True


def main() -> None:
    """Work as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.subscription_worker", description=__doc__)
    for name in ("url", "subscription", "name", "seed"):
        parser.add_argument(name)
    parser.add_argument("--count", type=int, nargs="*", default=(1, 10, 100), help="events of a claim")
    parser.add_argument("--lease", default="300 milliseconds")
    options = parser.parse_args()
    dice = random_of(options.seed, options.name)
    Worker(options.url, options.subscription, options.name, options.count, options.lease, dice).run()


if __name__ == "__main__":
    main()
