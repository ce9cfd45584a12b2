"""`esdb maintain`: each step, one failing, several runs at once, locks held by others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from esdb_cli.maintain import KEYS_AT_ONCE, STEPS
from tests.databases import run_esdb, start_esdb
from tests.feed_support import append, until, value
from tests.fixtures import Connect, Connection, Esdb

NAMES = [step.name for step in STEPS]
OLD_KEYS = (
    "insert into esdb.idempotency_keys"
    " select 's', 'old-' || n, 1, 1, now() - interval '8 days' - n * interval '1 second'"
    " from generate_series(1, %s) as n"
)
KEYS = "select count(*) from esdb.idempotency_keys"


def outcomes(output: str) -> dict[str, dict[str, Any]]:
    return {outcome["step"]: outcome for outcome in json.loads(output)}


def test_every_step_is_done_and_told(db: Connection, esdb: Esdb) -> None:
    append(db, "s", idempotency_key="new")
    db.execute(OLD_KEYS, (30,))
    db.execute("drop table esdb.events_note_overflow")
    before = value(db, "select count(*) from esdb.partitions")
    result = esdb("maintain", "--json")
    assert result.returncode == 0, result.stderr
    found = outcomes(result.stdout)
    assert list(found) == NAMES
    assert {outcome["result"] for outcome in found.values()} == {"ok"}
    assert found["purge-keys"]["detail"] == "30 removed"
    assert all(outcome["seconds"] >= 0 for outcome in found.values())
    assert value(db, KEYS) == 1
    assert value(db, "select count(*) from esdb.partitions") == before + 1
    assert value(db, "select event_count from esdb.event_statistics") == 1
    again = outcomes(esdb("maintain", "--json").stdout)
    assert [outcome["detail"] for outcome in again.values()] == [
        "nothing to do", "nothing to do", "nothing to do", "0 removed", "0 removed", "refreshed", "published up to 1",
    ]  # fmt: skip
    table = esdb("maintain")
    assert [line.split()[0] for line in table.stdout.splitlines()[2:]] == NAMES


def test_keys_go_batch_by_batch(db: Connection, esdb: Esdb) -> None:
    db.execute(OLD_KEYS, (2 * KEYS_AT_ONCE + 7,))
    found = outcomes(esdb("maintain", "--only", "purge-keys", "--json").stdout)
    assert found["purge-keys"]["detail"] == f"{2 * KEYS_AT_ONCE + 7} removed"
    assert value(db, KEYS) == 0


def test_old_snapshots_go(db: Connection, esdb: Esdb) -> None:
    append(db, "s")
    db.execute(
        "insert into esdb.snapshots select 's', n, '{}', now() - interval '90 days' from generate_series(1, 12) n"
    )
    found = outcomes(esdb("maintain", "--only", "clean-snapshots", "--json").stdout)
    assert found["clean-snapshots"]["detail"] == "7 removed"
    assert value(db, "select min(version) from esdb.snapshots") == 8


def test_snapshots_stay_as_long_as_the_environment_says(db: Connection, esdb: Esdb) -> None:
    append(db, "s")
    db.execute(
        "insert into esdb.snapshots select 's', n, '{}', now() - interval '90 days' from generate_series(1, 12) n"
    )

    def removed(*arguments: str, days: str) -> str:
        environment = {"SNAPSHOT_RETENTION_DAYS": days}
        result = esdb("maintain", "--only", "clean-snapshots", "--json", *arguments, env=environment)
        assert result.returncode == 0, result.stderr
        return str(outcomes(result.stdout)["clean-snapshots"]["detail"])

    assert removed(days="91") == "0 removed"
    dry = esdb("maintain", "--only", "clean-snapshots", "--dry-run", env={"SNAPSHOT_RETENTION_DAYS": "91"})
    assert "older_than => '91 days'::interval" in dry.stdout
    assert removed("--snapshots-older-than-days", "92", days="89") == "0 removed"
    assert removed(days="89") == "7 removed"
    assert "SNAPSHOT_RETENTION_DAYS" in " ".join(esdb("maintain", "--help").stdout.split())


@pytest.mark.parametrize("bad", ["-1", "30 days", "1e9", "365001"])
def test_a_bad_retention_is_refused_before_anything_is_done(db: Connection, esdb: Esdb, bad: str) -> None:
    db.execute(OLD_KEYS, (3,))
    result = esdb("maintain", env={"SNAPSHOT_RETENTION_DAYS": bad})
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == esdb("snapshots", "cleanup", env={"SNAPSHOT_RETENTION_DAYS": bad}).stderr
    assert value(db, KEYS) == 3


def test_a_key_that_an_append_takes_over_is_left_and_nobody_waits(db: Connection, connect: Connect, esdb: Esdb) -> None:
    append(db, "s")
    db.execute(OLD_KEYS, (3,))
    writer = connect(autocommit=False)
    append(writer, "s", idempotency_key="old-2")
    found = outcomes(esdb("maintain", "--only", "purge-keys", "--lock-timeout", "0.001", "--json").stdout)
    assert (found["purge-keys"]["result"], found["purge-keys"]["detail"]) == ("ok", "2 removed")
    writer.commit()
    assert esdb("maintain", "--only", "purge-keys").returncode == 0
    assert db.execute("select key, first_version::int from esdb.idempotency_keys").fetchall() == [("old-2", 2)]


def test_a_step_that_fails_stops_no_other(db: Connection, esdb: Esdb) -> None:
    append(db, "s")
    db.execute(OLD_KEYS, (3,))
    db.execute("drop function esdb._partition_plan")
    result = esdb("maintain", "--json")
    assert result.returncode == 1
    found = outcomes(result.stdout)
    assert found["create-next"]["result"] == "failed"
    assert "_partition_plan" in found["create-next"]["detail"]
    assert "create-next:" in result.stderr
    assert {found[name]["result"] for name in NAMES[1:]} == {"ok"}
    assert value(db, KEYS) == 0
    assert value(db, "select event_count from esdb.event_statistics") == 1


def test_who_is_locked_out_goes_on_with_the_next_step_and_exits_4(db: Connection, connect: Connect, esdb: Esdb) -> None:
    db.execute("select esdb.set_setting('seal_after', '0')")  # so that last month is due on every day of a month
    db.execute(OLD_KEYS, (3,))
    db.execute("drop table esdb.events_note_overflow")
    holder = connect(autocommit=False)
    holder.execute("select esdb.refresh_event_statistics()")
    holder.execute("lock table esdb.events_note in share mode")
    result = esdb("maintain", "--lock-timeout", "0.1", "--json")
    assert result.returncode == 4
    found = outcomes(result.stdout)
    assert [found[name]["result"] for name in NAMES] == [
        "locked out", "locked out", "ok", "ok", "ok", "locked out", "ok",
    ]  # fmt: skip
    assert value(db, KEYS) == 0
    holder.rollback()
    assert esdb("maintain").returncode == 0


def test_a_lock_and_a_failure_are_a_failure(db: Connection, connect: Connect, esdb: Esdb) -> None:
    db.execute("drop function esdb._partition_plan")
    holder = connect(autocommit=False)
    holder.execute("select esdb.refresh_event_statistics()")
    assert esdb("maintain", "--lock-timeout", "0.1").returncode == 1


def test_a_statement_that_takes_too_long_fails(connect: Connect, esdb: Esdb) -> None:
    holder = connect(autocommit=False)
    holder.execute("select esdb.refresh_event_statistics()")
    result = esdb("maintain", "--only", "refresh-stats", "--statement-timeout", "0.05", "--json")
    assert result.returncode == 1
    assert "statement timeout" in outcomes(result.stdout)["refresh-stats"]["detail"]


@pytest.mark.parametrize("step", NAMES[NAMES.index("purge-keys") :])
def test_a_step_that_another_run_is_at_is_left_to_it(db: Connection, connect: Connect, esdb: Esdb, step: str) -> None:
    db.execute(OLD_KEYS, (3,))
    other = connect(autocommit=False)
    assert value(other, "select esdb._try_step(%s)", (step,)) is True
    result = esdb("maintain", "--json")
    assert result.returncode == 0
    found = outcomes(result.stdout)
    assert (found[step]["result"], found[step]["detail"]) == ("skipped", "another run is at it")
    assert {found[name]["result"] for name in NAMES if name != step} == {"ok"}
    assert value(db, KEYS) == (3 if step == "purge-keys" else 0)


def test_several_runs_at_once(db: Connection, db_url: str) -> None:
    append(db, "s")
    db.execute(OLD_KEYS, (3 * KEYS_AT_ONCE,))
    db.execute("update esdb.settings set value = '6' where name = 'partitions_ahead'")
    runs = [start_esdb("maintain", "--json", url=db_url) for _ in range(4)]
    removed = made = 0
    for run in runs:
        output, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
        found = outcomes(output)
        assert {outcome["result"] for outcome in found.values()} <= {"ok", "skipped"}
        keys, months = found["purge-keys"]["detail"].split()[0], found["create-next"]["detail"].split()[0]
        removed += int(keys) if keys.isdigit() else 0
        made += int(months) if months.isdigit() else 0
    assert removed == 3 * KEYS_AT_ONCE
    assert made == 9 * 3
    assert value(db, KEYS) == 0
    assert value(db, "select event_count from esdb.event_statistics") == 1


def test_a_run_waits_for_another_ones_partitions(db: Connection, connect: Connect, db_url: str) -> None:
    other = connect(autocommit=False)
    other.execute("select esdb._lock_maintenance()")
    run = start_esdb("maintain", "--only", "create-next", "--json", url=db_url)
    until(lambda: value(db, "select exists (select from pg_locks where not granted)"), "the run waits")
    other.commit()
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    assert outcomes(output)["create-next"]["detail"] == "nothing to do"


def test_a_dry_run_prints_what_each_step_would_run(db: Connection, esdb: Esdb) -> None:
    db.execute(OLD_KEYS, (3,))
    db.execute("drop table esdb.events_note_overflow")
    result = esdb("maintain", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert [line[3:] for line in result.stdout.splitlines() if line[3:] in NAMES] == NAMES
    assert result.stdout.count("select * from esdb._seal(") == value(db, "select count(*) from esdb._seal_plan()")
    assert value(db, KEYS) == 3
    assert value(db, "select to_regclass('esdb.events_note_overflow')") is None
    # what is printed is what runs; of sealing, which no transaction can hold, tests/test_seal.py sees to that
    db.execute(sql.SQL(esdb("maintain", "--skip", "seal", "--dry-run").stdout))
    assert value(db, KEYS) == 0
    assert value(db, "select to_regclass('esdb.events_note_overflow')") is not None


def test_steps_can_be_chosen(esdb: Esdb) -> None:
    chosen = outcomes(esdb("maintain", "--only", "purge-keys", "--only", "refresh-stats", "--json").stdout)
    assert list(chosen) == ["purge-keys", "refresh-stats"]
    left = outcomes(esdb("maintain", "--skip", "mark", "--json").stdout)
    assert list(left) == NAMES[:-1]
    assert esdb("maintain", "--only", "nothing").returncode == 2
    for dry_run in ([], ["--dry-run"]):
        none = esdb("maintain", "--only", "purge-keys", "--skip", "purge-keys", *dry_run)
        assert (none.returncode, none.stdout) == (2, "")
        assert "leave no step" in none.stderr
    assert esdb("maintain", "--dry-run", "--json").returncode == 2


def test_who_makes_partitions_for_long_locks_nobody_out(db: Connection, connect: Connect, esdb: Esdb) -> None:
    db.execute("select esdb.set_setting('seal_after', '0')")  # so that last month is due on every day of a month
    other = connect(autocommit=False)
    other.execute("select esdb._lock_maintenance()")
    held = esdb("maintain", "--only", "create-next", "--only", "seal", "--lock-timeout", "0.1", "--json")
    assert held.returncode == 4
    assert {outcome["result"] for outcome in outcomes(held.stdout).values()} == {"locked out"}
    assert value(other, "select esdb._try_step('create-next')") is True
    result = esdb("maintain", "--lock-timeout", "0.1", "--json")
    assert result.returncode == 0, result.stderr
    found = outcomes(result.stdout)
    for step in ("create-next", "seal"):
        assert (found[step]["result"], found[step]["detail"]) == ("skipped", "another run is at it")
    other.rollback()


def test_a_run_of_create_next_is_told_from_a_transaction_in_the_way(
    db: Connection, connect: Connect, db_url: str
) -> None:
    db.execute("drop table esdb.events_note_overflow")
    holder = connect(autocommit=False)
    holder.execute("lock table esdb.events_note in share mode")
    run = start_esdb("partitions", "create-next", url=db_url)
    until(
        lambda: value(db, "select esdb._try_step('create-next')") is False, "the run has the lock that says it is at it"
    )
    run.kill()
    run.communicate()
    until(lambda: value(db, "select esdb._try_step('create-next')") is True, "it went with the run")


def test_a_maintainer_does_all_but_the_partitions(db: Connection, db_url: str) -> None:
    append(db, "s")
    environment = {"PGOPTIONS": "-c role=esdb_maintainer"}
    owners = [argument for step in NAMES[:3] for argument in ("--skip", step)]
    result = run_esdb("maintain", *owners, url=db_url, env=environment)
    assert result.returncode == 0, result.stderr
    assert value(db, "select event_count from esdb.event_statistics") == 1


def test_no_server_to_connect_to_is_5(esdb: Esdb) -> None:
    result = esdb("maintain", url="postgresql://postgres@127.0.0.1:1/none")
    assert result.returncode == 5
