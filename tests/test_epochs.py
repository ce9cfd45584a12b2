"""Epochs: after events were lost, no position is given out twice, and who saw the lost ones is told."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from esdb_cli.server import LocalServer
from tests.databases import dump, restore, run_esdb
from tests.epoch_support import EPOCHS, refused
from tests.feed_support import (
    append,
    append_many,
    mark,
    read_all,
    stored,
    until,
    value,
)
from tests.standby import Servers, connected, has_replayed, is_archived, is_promoted, promoted

LOST = 150
OTHER_TIMELINE = 2**36
SAME_TIMELINE = 2**24


def crashed(server: LocalServer) -> LocalServer:
    server.kill9()
    server.start()
    return server


@pytest.mark.parametrize("recovers", [False, True], ids=["an append", "esdb recover"])
def test_a_consumer_that_saw_what_a_failover_lost_is_told(servers: Servers, recovers: bool) -> None:
    primary = servers.primary()
    standby = servers.standby(primary)
    with connected(primary) as writer, connected(standby) as reader:
        kept = [append(writer, "s").position for _ in range(20)]
        has_replayed(writer, reader)
    standby.stop()
    with connected(primary) as writer:
        for _ in range(LOST):
            append(writer, "s")  # acknowledged
        cursor = read_all(writer, 0, 1000)[-1].position
        assert cursor >= kept[-1] + LOST
    primary.kill9()
    standby.start()
    promoted(standby)

    with connected(standby) as connection:
        assert refused(connection, cursor)["resume_after"] == kept[-1]  # before anything was appended
        if recovers:
            result = run_esdb("recover", "--reason", "failover", "--json", url=standby.url())
            assert result.returncode == 0, result.stderr
            told = json.loads(result.stdout)
            assert (told["epoch"], told["is_new"], told["last_position"]) == (2, True, kept[-1])
            assert value(connection, "select action from esdb.audit_trail order by at desc limit 1") == "recover"
        new = [append(connection, "s").position for _ in range(LOST + 100)]
        detail = refused(connection, cursor)
        assert detail == {
            "after_position": cursor, "epoch": 2, "last_position": kept[-1], "first_position": new[0],
            "resume_after": kept[-1],
        }  # fmt: skip
        assert new[0] > OTHER_TIMELINE
        assert [event.position for event in read_all(connection, detail["resume_after"])] == new
        for legal in (kept[3], kept[-1], new[0] - 1, new[0], new[-1]):
            assert [e.position for e in read_all(connection, legal)] == [p for p in kept + new if p > legal]
        assert json.loads(run_esdb("status", "--json", url=standby.url()).stdout)["epoch"]["number"] == 2
        assert run_esdb("verify", url=standby.url()).returncode == 0


def test_a_consumer_of_the_newest_events_is_told_of_a_loss_of_a_few(servers: Servers) -> None:
    """The sequence is logged 32 ahead: what it says after the failover does not show that five were lost."""
    primary = servers.primary()
    standby = servers.standby(primary)
    with connected(primary) as writer, connected(standby) as reader:
        kept = append(writer, "s").position
        has_replayed(writer, reader)
    standby.stop()
    with connected(primary) as writer:
        lost = [append(writer, "s").position for _ in range(5)]
    primary.kill9()
    standby.start()
    promoted(standby)
    with connected(standby) as connection:
        assert mark(connection) == kept  # a filtering consumer takes this for its cursor
        assert read_all(connection, kept) == []
        append(connection, "s")
        assert refused(connection, lost[-1])["resume_after"] == kept
        assert len(read_all(connection, kept)) == 1


@pytest.mark.parametrize("appends_first", [False, True], ids=["before an append", "after one"])
def test_a_workers_token_that_was_lost_is_given_to_nobody_else(servers: Servers, appends_first: bool) -> None:
    """The worker outlived the server: with its old token it must not acknowledge what another one has."""
    primary = servers.primary()
    standby = servers.standby(primary)
    claim = "select distinct token from esdb.claim_events('x', 'w', 1)"
    with connected(primary) as writer, connected(standby) as reader:
        append_many(writer, "s", 400)
        writer.execute("select esdb.create_subscription('x')")
        has_replayed(writer, reader)
        standby.stop()
        lost = []
        for position in range(1, LOST + 1):
            lost.append(value(writer, claim))
            writer.execute("select esdb.ack('x', %s, %s)", (lost[-1], position))
    primary.kill9()
    standby.start()
    promoted(standby)
    with connected(standby) as connection:
        if appends_first:
            append(connection, "s")
        for position in range(1, 4):
            token = value(connection, claim)
            assert token > lost[-1]
            with pytest.raises(psycopg.DatabaseError) as error:
                connection.execute("select esdb.ack('x', %s, %s)", (lost[-1], LOST))
            assert error.value.sqlstate == "SE021"
            connection.execute("select esdb.ack('x', %s, %s)", (token, position))


def test_the_same_timeline_of_another_cluster_is_another_one(servers: Servers) -> None:
    """A cluster made by pg_upgrade begins with the first timeline again; so does one that a dump is restored into."""
    primary = servers.primary()
    standby = servers.standby(primary)
    with connected(primary) as writer, connected(standby) as reader:
        append(writer, "s")
        has_replayed(writer, reader)
    primary.kill9()
    promoted(standby)
    with connected(standby) as connection:
        first = append(connection, "s").position
    crashed(standby)
    with connected(standby) as connection:
        second = append(connection, "s").position
        assert SAME_TIMELINE < second - first < OTHER_TIMELINE
        # what is left of a store that came from elsewhere, whose second timeline was not this one
        connection.execute("update esdb.epoch_records set cluster = cluster + 1")
    crashed(standby)
    with connected(standby) as connection:
        assert append(connection, "s").position - second > OTHER_TIMELINE
        reasons = [reason for (reason,) in connection.execute("select reason from esdb.epochs order by number desc")]
        assert reasons[:2] == ["the server was promoted or restored", "the server recovered from a crash"]


def test_a_restore_to_a_point_in_time_begins_an_epoch(servers: Servers, servers_folder: Path) -> None:
    archive = servers_folder / "archive"
    archive.mkdir(exist_ok=True)
    archive.chmod(0o777)
    primary = servers.primary(archive_mode="on", archive_command=f"cp %p {archive}/%f")
    backup = servers.backup(primary)
    with connected(primary) as writer:
        kept = [append(writer, "s").position for _ in range(3)]
        writer.execute("select pg_create_restore_point('here')")
        lost = [append(writer, "s").position for _ in range(LOST)]
        is_archived(writer)
    restored = servers.start(
        backup, "recovery.signal",
        restore_command=f"cp {archive}/%f %p", recovery_target_name="here", recovery_target_action="promote",
    )  # fmt: skip
    is_promoted(restored)
    with connected(restored) as connection:
        new = append(connection, "s").position
        assert new > OTHER_TIMELINE
        assert refused(connection, lost[-1])["resume_after"] == kept[-1]
        assert [event.position for event in read_all(connection, kept[-1])] == [new]


def test_a_crash_that_lost_commits_gives_no_position_out_again(servers: Servers) -> None:
    server = servers.primary(synchronous_commit="off", wal_writer_delay="10s", wal_writer_flush_after="1GB")
    with connected(server) as connection:
        append(connection, "s")
        connection.execute("select pg_switch_wal()")
        connection.execute("checkpoint")
        seen = [append(connection, "s").position for _ in range(LOST)]
    crashed(server)
    with connected(server) as connection:
        kept = [event.position for event in stored(connection)]
        new = append(connection, "s").position
        assert new > seen[-1] + 1000
        assert OTHER_TIMELINE > new > SAME_TIMELINE
        if kept[-1] < seen[-1]:
            assert refused(connection, seen[-1])["resume_after"] == kept[-1]
        assert [event.position for event in read_all(connection, kept[-1])] == [new]


def test_after_an_ordinary_crash_consumers_go_on(servers: Servers) -> None:
    server = servers.primary()
    with connected(server) as connection:
        seen = [append(connection, "s").position for _ in range(40)]
        connection.execute("select esdb.create_subscription('x', partitions => 2, event_types => '{None}')")
        while connection.execute("select * from esdb.claim_events('x', 'w')").fetchall():
            pass
    crashed(server)
    with connected(server) as connection:
        assert mark(connection) == seen[-1]
        new = append(connection, "s").position
        assert [event.position for event in read_all(connection, seen[-1])] == [new]
        assert connection.execute("select * from esdb.claim_events('x', 'w')").fetchall() == []
        assert max(b for (b,) in connection.execute("select events_behind from esdb.subscription_lag")) <= 100
        assert connection.execute(EPOCHS).fetchall() == [(1, 0, 1), (2, seen[-1], new)]
        crashed(server)
    with connected(server) as connection:
        newer = append(connection, "s").position
        assert newer > new + SAME_TIMELINE
        assert connection.execute(EPOCHS).fetchall()[2:] == [(3, new, newer)]


def test_a_prepared_append_that_outlives_the_crash_is_read(servers: Servers) -> None:
    server = servers.primary(max_prepared_transactions=5)
    with connected(server) as connection:
        kept = append(connection, "s").position
        connection.execute("begin")
        held = append(connection, "p").position
        connection.execute("prepare transaction 'held'")
    crashed(server)
    with connected(server) as connection:
        assert mark(connection) == kept
        new = append(connection, "s").position
        assert mark(connection) == kept
        connection.execute("commit prepared 'held'")
        until(lambda: mark(connection) == new, "the mark")
        assert [event.position for event in read_all(connection, kept)] == [held, new]
        assert [event.position for event in read_all(connection, held)] == [new]


def test_a_crash_before_the_epoch_is_committed_leaves_one_lost_range(servers: Servers) -> None:
    server = servers.primary()
    with connected(server) as connection:
        kept = append(connection, "s").position
    crashed(server)
    lingerer = connected(server, autocommit=False)
    append(lingerer, "s")
    crashed(server)
    lingerer.close()
    with connected(server) as connection:
        new = append(connection, "s").position
        assert connection.execute(EPOCHS).fetchall() == [(1, 0, 1), (2, kept, new)]
        assert refused(connection, kept + 1)["first_position"] == new


def test_an_export_passes_over_an_epoch_that_is_not_noted_yet(servers: Servers) -> None:
    """More events than a page before the loss, so that a page ends where the positions may be lost."""
    server = servers.primary()
    with connected(server) as connection:
        append_many(connection, "s", 10_000)
    crashed(server)
    with connected(server) as connection:
        connection.execute("begin")
        append(connection, "s")
        connection.execute("rollback")
        assert value(connection, "select count(*) from esdb.epochs") == 1
    result = run_esdb("export", url=server.url())
    assert (result.returncode, result.stdout.count("\n")) == (0, 10_000), result.stderr


def test_recover_after_a_dump_was_restored(servers: Servers) -> None:
    """A dump resets nothing, so the store cannot know: the owner says so."""
    old, new = servers.primary(), servers.primary()
    with connected(old) as connection:
        kept = append_many(connection, "s", 5)[-1].position
        dumped = dump(old.url(), old.bindir, "-n", "esdb*")
        seen = append_many(connection, "s", LOST)[-1].position
    with connected(new) as connection:
        connection.execute("drop schema esdb cascade; drop schema esdb_meta cascade")
    restore(dumped, new.url(), new.bindir)
    assert "goes on" in run_esdb("recover", url=new.url()).stdout
    assert "force => true" in run_esdb("recover", "--force", "--dry-run", url=new.url()).stdout
    result = run_esdb("recover", "--force", "--reason", "restored the dump of noon", url=new.url())
    assert result.returncode == 0, result.stderr
    assert f"kept: everything up to position {kept}" in result.stdout
    with connected(new) as connection:
        after = append(connection, "s").position
        assert after > OTHER_TIMELINE
        assert refused(connection, seen)["resume_after"] == kept
        assert [event.position for event in read_all(connection, kept)] == [after]
        assert value(connection, "select reason from esdb.epochs where number = 2") == "restored the dump of noon"
        assert run_esdb("verify", "--schema-only", url=new.url()).returncode == 0
