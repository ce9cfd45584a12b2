"""Sells the seats of a show, each of them once, however many sell at the same time.

python seats.py open SHOW SEATS
python seats.py reserve SHOW NAME ...
python seats.py list SHOW
"""

import logging
import os
import sys
from functools import partial

import psycopg

from store import Event, Store, StreamDeleted


def replay(events: list[Event]) -> dict[int, str | None]:
    """Give the seats of a show, and who has them."""
    seats: dict[int, str | None] = {}
    for event in events:
        payload = event["payload"]
        match event["event_type"]:
            case "ShowOpened":
                seats = dict.fromkeys(range(1, payload["seats"] + 1))
            case "SeatReserved":
                seats[payload["seat"]] = payload["name"]
    return seats


def open_show(events: list[Event], count: int) -> list[Event]:
    """Decide: a show is opened once."""
    return [] if events else [{"event_type": "ShowOpened", "payload": {"seats": count}}]


def reserve(events: list[Event], name: str) -> list[Event]:
    """Decide: a name gets the first free seat, and no second one, so that asking again does no harm."""
    seats = replay(events)
    free = [seat for seat, owner in seats.items() if owner is None]
    if name in seats.values() or not free:
        return []
    return [{"event_type": "SeatReserved", "payload": {"seat": free[0], "name": name}}]


def main(command: str = "", show: str = "", *words: str) -> None:
    """Do what the command line says."""
    store = Store(os.environ["ESDB_DATABASE_URL"])
    match command:
        case "open":
            store.change(show, partial(open_show, count=int(words[0])))
        case "reserve":
            for name in words:
                match store.change(show, partial(reserve, name=name)):
                    case [event]:
                        print(event["payload"]["seat"], name, "version", event["version"], flush=True)
                    case _:
                        print(f"nothing new for {name}", file=sys.stderr)
        case "list":
            for seat, owner in replay(store.load(show)[1]).items():
                print(seat, owner or "-")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(*sys.argv[1:])
    except StreamDeleted:
        sys.exit("this show is cancelled")
    except psycopg.Error as error:
        sys.exit(f"{error.sqlstate or 'no connection'}: {error}")
