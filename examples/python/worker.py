"""Counts the sold seats of each show. Start it as often as you like: each event counts once."""

import os
import signal
import sys
import threading

import psycopg
from psycopg.rows import TupleRow

SUBSCRIPTION = "sold-seats"
WORKER = f"{os.uname().nodename}:{os.getpid()}"
LEASE = os.environ.get("LEASE", "30 seconds")
CREATE = "select esdb.create_subscription(%s, partitions => 4, event_types => '{SeatReserved}')"
# At most 50: each event below is a subtransaction, and PostgreSQL keeps 64 of a transaction at hand.
CLAIM = "select token, position, aggregate_id, payload from esdb.claim_events(%s, %s, 50, %s)"
COUNT = """
    insert into sold (show, seats, newest_guest) values (%s, 1, %s)
    on conflict (show) do update set seats = sold.seats + 1, newest_guest = excluded.newest_guest
"""


class StaleToken(psycopg.DatabaseError, code="SE021"):
    """The lease has ended, and another worker may have it. psycopg raises it by itself."""


def work(connection: psycopg.Connection[TupleRow]) -> bool:
    """Handle what one claim gives, effects and ack in one transaction; tell whether it gave anything."""
    events = connection.execute(CLAIM, (SUBSCRIPTION, WORKER, LEASE)).fetchall()
    if not events:
        return False
    try:
        with connection.transaction():
            for token, position, show, payload in events:
                try:
                    with connection.transaction():
                        connection.execute(COUNT, (show, payload["name"]))
                except Exception as error:  # whatever it is: the event comes again, and is parked in the end
                    connection.execute("select esdb.nack(%s, %s, %s, %s)", (SUBSCRIPTION, token, position, repr(error)))
                    return True
            connection.execute("select esdb.ack(%s, %s, %s)", (SUBSCRIPTION, token, position))
    except StaleToken as stale:
        print("too late, rolled back:", stale.diag.message_detail, file=sys.stderr)
    return True


try:
    stop, woken = threading.Event(), False
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with psycopg.connect(os.environ["ESDB_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(CREATE, (SUBSCRIPTION,))
        connection.execute("listen esdb")
        print(f"{SUBSCRIPTION}: at work", flush=True)
        while not stop.is_set():
            if not work(connection):
                ((behind,),) = connection.execute("select esdb.high_water_mark() < esdb.last_position()")
                woken = bool(list(connection.notifies(timeout=0.025 if woken or behind else 1, stop_after=1)))
except psycopg.Error as error:
    sys.exit(f"{error.sqlstate or 'no connection'}: {error}")
