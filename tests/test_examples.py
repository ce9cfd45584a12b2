"""The applications of examples/ do what they claim, in each language: under races, lost connections and kills."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from tests.cutting_proxy import cutting_proxy
from tests.example_programs import EXAMPLES, LANGUAGES, Example, finish
from tests.feed_support import append, call, until
from tests.fixtures import Connect, Connection

SEATS = 40
CUSTOMERS = 30

Reservation = tuple[int, str, int]


@pytest.fixture(params=LANGUAGES)
def seats(request: pytest.FixtureRequest, tmp_path: Path, db_url: str) -> Example:
    return Example(request.param, "seats", tmp_path / request.param, db_url)


def reservations(db: Connection, show: str = "evening") -> list[Reservation]:
    rows = db.execute(
        "select (payload->>'seat')::int, payload->>'name', version from esdb.read_stream(%s)"
        " where event_type = 'SeatReserved' order by version",
        (show,),
    )
    return [(seat, name, version) for seat, name, version in rows]


def told(output: str) -> list[Reservation]:
    """Give what a process told of its reservations."""
    rows = [line.split() for line in output.splitlines()]
    return [(int(seat), name, int(version)) for seat, name, _, version in rows]


def others(db: Connection) -> list[int]:
    """Give the other clients of the database."""
    query = (
        "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
        " and pid <> pg_backend_pid()"
    )
    return [pid for (pid,) in db.execute(query)]


def waiting(db: Connection) -> list[int]:
    """Give the backends whose appends have been decided on and wait for the show's row."""
    query = (
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        " and position('append_events' in query) > 0"
    )
    return [pid for (pid,) in db.execute(query) if pid != db.info.backend_pid]


def test_a_name_gets_one_seat(seats: Example, db: Connection) -> None:
    seats.run("open", "evening", "3")
    output, messages = seats.run("reserve", "evening", "Ada", "Grace", "Ada")
    assert (output, messages) == ("1 Ada version 2\n2 Grace version 3\n", "nothing new for Ada\n")
    assert seats.run("reserve", "evening", "Grace", "Alan", "Barbara") == (
        "3 Alan version 4\n",
        "nothing new for Grace\nnothing new for Barbara\n",
    )
    assert seats.run("list", "evening")[0] == "1 Ada\n2 Grace\n3 Alan\n"
    assert reservations(db) == [(1, "Ada", 2), (2, "Grace", 3), (3, "Alan", 4)]
    seats.run("open", "evening", "100")
    assert seats.run("list", "evening")[0] == "1 Ada\n2 Grace\n3 Alan\n"
    until(lambda: not others(db), "the processes' connections are closed")


def test_two_processes_sell_each_seat_once(seats: Example, db: Connection, connect: Connect) -> None:
    seats.run("open", "evening", str(SEATS))
    names = [[f"{process}-{number}" for number in range(CUSTOMERS)] for process in ("a", "b")]
    with connect().transaction(force_rollback=True) as held:
        append(held.connection, "evening", bounded_context=None, group_context=None)
        processes = [seats.start("reserve", "evening", *customers) for customers in names]
        until(lambda: len(waiting(db)) == 2, "both have loaded the same version and decided")
    output, messages = zip(*(finish(process) for process in processes), strict=True)

    sold = reservations(db)
    assert [seat for seat, _, _ in sold] == list(range(1, SEATS + 1))
    assert [version for _, _, version in sold] == list(range(2, SEATS + 2))
    assert len({name for _, name, _ in sold}) == SEATS
    assert sorted(told("".join(output))) == sold
    assert '"expected": 1, "aggregate_id": "evening"}' in "".join(messages)


def test_an_append_whose_answer_is_lost_is_found_again(seats: Example, db: Connection, db_url: str) -> None:
    seats.run("open", "evening", "3")

    def be_quicker() -> None:
        assert reservations(db) == [(1, "Ada", 2)]
        append(db, "evening", event_type="SeatReserved", payload=Jsonb({"seat": 2, "name": "Grace"}),
               bounded_context=None, group_context=None)  # fmt: skip

    with cutting_proxy(db_url, "append_events", be_quicker) as (url, proxy):
        output, messages = seats.run("reserve", "evening", "Ada", "Alan", url=url)
    assert proxy.cuts == 1
    assert messages.startswith("calling again: ")
    assert "quicker" not in messages
    assert output == "1 Ada version 2\n3 Alan version 4\n"
    assert reservations(db) == [(1, "Ada", 2), (2, "Grace", 3), (3, "Alan", 4)]


def test_an_append_whose_connection_is_killed_is_made_again(seats: Example, db: Connection, connect: Connect) -> None:
    seats.run("open", "evening", "3")
    with connect().transaction(force_rollback=True) as held:
        append(held.connection, "evening", bounded_context=None, group_context=None)
        process = seats.start("reserve", "evening", "Ada")
        (killed,) = until(lambda: waiting(db), "it has decided")
        db.execute("select pg_terminate_backend(%s)", (killed,))
        until(lambda: waiting(db) not in ([], [killed]), "it calls again")
    output, messages = finish(process)
    assert output == "1 Ada version 2\n"
    assert messages.startswith("calling again: terminating connection due to administrator command")
    assert reservations(db) == [(1, "Ada", 2)]


def test_a_killed_append_that_was_overtaken_is_decided_anew(seats: Example, db: Connection, connect: Connect) -> None:
    seats.run("open", "evening", "3")
    with connect().transaction() as held:
        append(held.connection, "evening", event_type="SeatReserved", payload=Jsonb({"seat": 1, "name": "Grace"}),
               bounded_context=None, group_context=None)  # fmt: skip
        process = seats.start("reserve", "evening", "Ada")
        (killed,) = until(lambda: waiting(db), "it has decided")
        db.execute("select pg_terminate_backend(%s)", (killed,))
        until(lambda: waiting(db) not in ([], [killed]), "it calls again")
    output, messages = finish(process)
    assert output == "2 Ada version 3\n"
    assert '{"actual": 2, "expected": 1, "aggregate_id": "evening"}' in messages
    assert reservations(db) == [(1, "Grace", 2), (2, "Ada", 3)]


def test_a_deleted_show_is_told_in_a_line(seats: Example, db: Connection) -> None:
    seats.run("open", "evening", "3")
    call(db, "delete_stream", aggregate_id="evening")
    assert seats.run("reserve", "evening", "Ada", exit_code=1) == ("", "this show is cancelled\n")


def test_a_missing_server_is_told_after_some_attempts(seats: Example, tmp_path: Path) -> None:
    output, messages = seats.run("list", "evening", url=f"postgresql://postgres@/shop?host={tmp_path}", exit_code=1)
    assert output == ""
    assert messages.count("calling again: ") >= 5
    assert "Traceback" not in messages
    assert "    at " not in messages


def test_versions_are_exact_beyond_the_numbers_of_javascript(seats: Example, db: Connection) -> None:
    seats.run("open", "evening", "3")
    version = 2**53
    db.execute("update esdb.streams set version = %s where aggregate_id = 'evening'", (version,))
    output, _ = seats.run("reserve", "evening", "Ada")
    assert output == f"1 Ada version {version + 1}\n"


def test_the_packages_are_pinned() -> None:
    manifest = json.loads((EXAMPLES / "nodejs" / "package.json").read_text())
    assert all(pin[0].isdigit() for pin in manifest["dependencies"].values())
