"""Commands that change a row wait for whoever holds it as long as they are told, and end with exit code 4."""

from __future__ import annotations

import pytest

from tests.databases import start_esdb
from tests.feed_support import append, until, value
from tests.fixtures import Connect, Connection, Esdb

COMMANDS = [
    ("settings set partitions_ahead 4", "select from esdb.settings where name = 'partitions_ahead' for update"),
    ("settings reset partitions_ahead", "select from esdb.settings where name = 'partitions_ahead' for update"),
    ("contexts retain b forever", "select from esdb.bounded_contexts where code = 'b' for update"),
    ("aggregate-types set order --context b --group m", "lock table esdb.aggregate_types in exclusive mode"),
    ("aggregate-types remove note", "select from esdb.aggregate_types where aggregate_type = 'note' for update"),
    ("snapshots cleanup", "lock table esdb.snapshots in exclusive mode"),
    ("subscriptions create other", "lock table esdb.subscription_definitions in exclusive mode"),
    ("subscriptions reset mailer --to 0", "select from esdb.subscription_partitions for update"),
    ("subscriptions replay mailer", "select from esdb.subscription_partitions for update"),
    ("subscriptions discard mailer", "select from esdb.subscription_partitions for update"),
    ("subscriptions drop mailer", "select from esdb.subscription_partitions for update"),
]


@pytest.fixture
def held(db: Connection, connect: Connect) -> Connection:
    """Give a connection, in a transaction, to a store with something to hold."""
    append(db, "s")
    db.execute("select esdb.set_aggregate_type('note', 'n', 'm'), esdb.create_subscription('mailer')")
    db.execute("insert into esdb.snapshots values ('s', 1, '{}')")
    return connect(autocommit=False)


@pytest.mark.parametrize(("command", "lock"), COMMANDS, ids=lambda value: value.partition(" --")[0])
def test_a_command_does_not_wait_for_ever(held: Connection, esdb: Esdb, command: str, lock: str) -> None:
    held.execute(lock)
    result = esdb(*command.split(), "--wait", "0.05")
    assert (result.returncode, result.stdout) == (4, "")
    first, *rest = result.stderr.splitlines()
    assert first.startswith("esdb: could not ")
    assert first.endswith(" within 0.05 seconds")
    assert rest[0].startswith("hint: see which transactions are open")
    held.rollback()
    assert esdb(*command.split(), "--wait", "10").returncode == 0


def test_who_waits_long_enough_gets_it(held: Connection, db: Connection, db_url: str) -> None:
    command, lock = COMMANDS[0]
    held.execute(lock)
    run = start_esdb(*command.split(), url=db_url)
    until(lambda: value(db, "select exists (select from pg_locks where not granted)"), "the command waits")
    held.rollback()
    _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (0, "partitions_ahead is 4\n")
