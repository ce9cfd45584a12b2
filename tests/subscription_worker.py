"""A worker of a subscription, as a process of its own: what is done to it is done to a real one.

`python -m tests.subscription_worker URL SUBSCRIPTION NAME SEED` works until it is killed. The effect of an event is a
row in the table effects, in the transaction of the ack. An event whose payload says "fails" is nacked as often as it
says.
"""

from __future__ import annotations

import random
import sys
import time

import psycopg

from esdb_cli.exceptions import StaleToken
from tests.fixtures import Connection

LEASE = "300 milliseconds"


def main(url: str, subscription: str, name: str, seed: str) -> None:
    """Work for ever."""
    dice = random.Random(f"{seed}:{name}")
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            if not work(connection, subscription, name, dice):
                time.sleep(0.005)


def work(connection: Connection, subscription: str, name: str, dice: random.Random) -> bool:
    """Handle one claim; tell whether there was any."""
    claimed = connection.execute(
        "select token, attempt, position, aggregate_id, version, coalesce((payload ->> 'fails')::integer, 0)"
        " from esdb.claim_events(%s, %s, %s, %s)",
        (subscription, name, dice.choice([1, 10, 100]), LEASE),
    ).fetchall()
    if not claimed:
        return False
    good = claimed[: next((n for n, row in enumerate(claimed) if row[1] <= row[5]), len(claimed))]
    token = claimed[0][0]
    try:
        with connection.transaction():
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into effects (position, aggregate_id, version) values (%s, %s, %s)",
                    [row[2:5] for row in good],
                )
            if dice.random() < 0.1:
                time.sleep(dice.random() * 0.02)
            if len(good) == len(claimed):
                connection.execute("select esdb.ack(%s, %s, %s)", (subscription, token, good[-1][2]))
            else:
                failed = claimed[len(good)][2]
                connection.execute("select esdb.nack(%s, %s, %s, 'as told')", (subscription, token, failed))
    except StaleToken:
        pass  # others do it
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
