"""`esdb partitions seal` and `unseal`: what esdb._seal_plan() says is due, leaf by leaf, each step a transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, LiteralString

import click

from esdb_cli.calls import Json, Sql, call
from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import database_option, rows
from esdb_cli.ddl import LOCKED_OUT, Patience, brief, transaction, turn
from esdb_cli.digest import EVENTS_AT_ONCE, TableDigest
from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError
from esdb_cli.output import Table, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg import Connection
    from psycopg.sql import Composed

    from esdb_cli.db import Row

SECONDS_BETWEEN_FRONTIERS: Final = 5.0
"""To find the frontier looks at every unsealed leaf: a run of a thousand must not do it a thousand times."""
_WAIT_HELP: Final = "Seconds to try for locks."
_DRY_RUN_HELP: Final = "Print the exact SQL and change nothing."
_MOVE: Final = "select esdb._set_frontier()"
_ALL_AT_ONCE: Final = "(select digest from esdb_meta.digest_events({}, max_count => 2000000000))"
_AT_ONCE: Final = f"-- a run reads the events in pages of {EVENTS_AT_ONCE}, each in a transaction of its own:\n"


@dataclass
class Sealing:
    """What a run did: the seals made, and the partitions that open or prepared transactions hold."""

    sealed: list[Row] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def raise_for_held(self) -> None:
        """Raise CliError where a partition was left: exit 4."""
        if self.held:
            message = f"left for the next run, because transactions hold them: {', '.join(self.held)}"
            raise CliError(message, EXIT_LOCK_TIMEOUT, hint=LOCKED_OUT)


@click.command("seal", short_help="Seal the partitions that are over.")
@click.option("--context", help="Only this bounded context (its code or name).")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=_WAIT_HELP)
@click.option("--dry-run", is_flag=True, help=_DRY_RUN_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@database_option
def seal_command(*, context: str | None, wait: float, dry_run: bool, as_json: bool, database_url: str | None) -> None:
    """Seal the partitions that are over for longer than the setting seal_after, the oldest first.

    A sealed partition takes no more events (SE012), and its digest is chained to those before. Keep the newest digest,
    printed last, outside the database: `esdb verify --events --expect` proves by it that nothing was rewritten since.
    A partition in which a transaction is still open is left for the next run, and the exit code is 4. Safe to run again
    at any time, and from two places at once.
    """
    if dry_run and as_json:
        raise click.UsageError("Give either --dry-run or --json.")
    with connect_to_change(database_url) as connection:
        if dry_run:
            click.echo(script(connection, context), nl=False)
            return
        table = Table(["number", "partition", "event_count", "digest"])
        report = (lambda _: None) if as_json else (lambda seal: table.print([seal]))
        done = seal(connection, context=context, wait=wait, report=report)
        newest = newest_seal(connection)
    if as_json:
        print_json({"sealed": done.sealed, "held": done.held, "newest": newest})
    else:
        if not (done.sealed or done.held):
            say("nothing to do: every partition that is over is sealed")
        if newest:
            click.echo(f"newest digest: {newest['digest']} (number {newest['number']})")
    done.raise_for_held()


@click.command("unseal", short_help="Take a partition's seal back.")
@click.argument("context")
@click.argument("month", type=click.DateTime(["%Y-%m"]), metavar="MONTH")
@click.option("--reason", required=True, metavar="TEXT", help="Why: the audit log keeps it.")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help=_WAIT_HELP)
@click.option("--dry-run", is_flag=True, help=_DRY_RUN_HELP)
@database_option
def unseal_command(
    *, context: str, month: datetime, reason: str, wait: float, dry_run: bool, database_url: str | None
) -> None:
    """Take back the seal of the partition of CONTEXT (code or name) that holds MONTH (2026-11, in UTC).

    It takes events again, and `esdb partitions seal` seals it anew. The digests of those that were sealed after it
    change, also where one was kept outside the database; the audit log has them as they were before.
    """
    at = month.replace(tzinfo=UTC)
    with connect_to_change(database_url) as connection:
        if dry_run:
            leaf = _unseal_plan(connection, context, at)
            statements = "\n".join(f"{statement};" for statement in _unsealing(connection, leaf, reason))
            click.echo(f"begin;\n{statements}\n{_ddl('open_partition', leaf)}commit;")
            return
        partition = unseal(connection, context, at, reason, wait=wait)
        newest = newest_seal(connection)
    say(f"{partition} is open")
    if newest:
        click.echo(f"newest digest: {newest['digest']} (number {newest['number']})")


def plan(connection: Connection[Any], context: str | None = None, lower_bound: datetime | None = None) -> list[Row]:
    """Return the leaves that are due, the oldest first: of all contexts, of one, or one leaf."""
    return rows(connection, call("esdb._seal_plan", {"only_context": context, "only_lower_bound": lower_bound}))


def newest_seal(connection: Connection[Any]) -> Row | None:
    """Return number and digest of the newest seal."""
    row = connection.execute("select number, digest from esdb.seals order by number desc limit 1").fetchone()
    return {"number": row[0], "digest": row[1].hex()} if row else None


def seal(
    connection: Connection[Any],
    *,
    context: str | None = None,
    wait: float = 60.0,
    statement_timeout: str | None = None,
    report: Callable[[Row], None] = lambda _: None,
) -> Sealing:
    """Seal all that is due; `wait` is in seconds.

    A leaf whose locks are not to be had stops no other: it is tried again when the others are done, until the time is
    over.
    """
    from psycopg import errors

    patience = Patience(wait)
    due = plan(connection, context)
    done = Sealing()
    moved_at = time.monotonic()
    while due:
        held = []
        begun_with = len(done.sealed)
        for leaf in due:
            if time.monotonic() - moved_at > SECONDS_BETWEEN_FRONTIERS:
                _move_frontier(connection, statement_timeout)
                moved_at = time.monotonic()
            try:
                seal_of_leaf = _seal_leaf(connection, leaf, statement_timeout)
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                held.append(leaf)
                continue
            if seal_of_leaf:
                done.sealed.append(seal_of_leaf)
                report(seal_of_leaf)
        due = held
        if len(done.sealed) > begun_with:  # the time is for the locks, not for the sealing of the others
            patience = Patience(wait)
        if held and not patience.pause():
            done.held = [leaf["partition"] for leaf in held]
            break
    # where the lock is not to be had in time, the next run does it: what lags is right all the same
    while (done.sealed or _lags(connection)) and not _move_frontier(connection, statement_timeout) and patience.pause():
        pass
    return done


def _lags(connection: Connection[Any]) -> bool:
    """Tell whether a run that was killed left the frontier behind."""
    row = connection.execute("select esdb._frontier_lags()").fetchone()
    return bool(row and row[0])


def _move_frontier(connection: Connection[Any], statement_timeout: str | None) -> bool:
    """Move the frontier to where it belongs; False: another run has the lock."""
    from psycopg import errors

    try:
        with turn(connection, statement_timeout):
            connection.execute(_MOVE)
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        return False
    return True


def _seal_leaf(connection: Connection[Any], leaf: Row, statement_timeout: str | None) -> Row | None:
    """Close a leaf, make its last indexes, read it, and seal what was read.

    None where another run or an import is at it, or has done it.
    Killed after any step, it leaves the leaf closed and still due.
    """
    with turn(connection, statement_timeout):
        # before it is closed: an import keeps open what it has opened
        if not _is_alone(connection, leaf):
            return None
        due = plan(connection, leaf["bounded_context"], leaf["lower_bound"])
        if due and due[0]["barrier"] is None:
            connection.execute(_ddl("close_partition", due[0]))
            row = connection.execute("select esdb._barrier(%s)", (due[0]["leaf"],)).fetchone()
            due[0]["barrier"] = row[0] if row else None
    if not due:
        return None
    (leaf,) = due
    with brief(connection, statement_timeout):  # the leaf takes no events any more, so no append waits for this
        if not _is_alone(connection, leaf):
            return None
        connection.execute(_ddl("index_partition", leaf))
    connection.execute(_vacuum(leaf))
    digest = TableDigest(leaf["leaf"])
    while not digest.is_complete:
        with brief(connection, statement_timeout):
            if not _is_alone(connection, leaf):
                return None
            digest.read_page(connection)
    with brief(connection, statement_timeout):
        ((facts,),) = connection.execute(_finding(leaf)).fetchall()
    with turn(connection, statement_timeout):
        found = {"barrier": leaf["barrier"], "facts": Json(facts), "events_digest": digest.value}
        seals = rows(connection, _sealing(leaf, found))
    if not seals:
        return None
    (made,) = seals
    return {
        "number": made["number"],
        "partition": leaf["partition"],
        "event_count": made["event_count"],
        "events_digest": made["events_digest"].hex(),
        "digest": made["digest"].hex(),
    }


def _is_alone(connection: Connection[Any], leaf: Row) -> bool:
    """Tell whether no other run is reading the leaf just now, nor an import writing to it: that one will seal it."""
    row = connection.execute("select esdb._try_step(%s)", (f"seal {leaf['partition']}",)).fetchone()
    return bool(row and row[0])


def script(connection: Connection[Any], context: str | None) -> str:
    """Return the SQL that is due, for psql."""
    parts = []
    for leaf in plan(connection, context):
        close = "" if leaf["barrier"] else transaction(_ddl("close_partition", leaf))
        number = leaf["leaf"]
        facts = {
            "barrier": Sql(f"esdb._barrier({number})"),
            "facts": Sql(f"esdb_meta.seal_facts({number})"),
            "events_digest": Sql(_ALL_AT_ONCE.format(number)),
        }
        sealing = _sealing(leaf, facts).as_string(connection)
        index = _ddl("index_partition", leaf)
        parts.append(f"-- {leaf['partition']}\n{close}{index}{_vacuum(leaf)};\n{_AT_ONCE}{sealing};\n")
    if parts or _lags(connection):
        parts.append(transaction(f"{_MOVE};\n"))
    return "\n".join(parts)


def _ddl(template: str, leaf: Row) -> str:
    from esdb_cli.render import render

    return render(template, leaf)


def _vacuum(leaf: Row) -> str:
    """Freeze what nobody changes any more. Where another vacuum is at it, this one is left out."""
    return f"vacuum (freeze, analyze, skip_locked) esdb.{leaf['partition']}"


def _finding(leaf: Row) -> Composed:
    return call("esdb_meta.seal_facts", {"leaf": leaf["leaf"]}, "result::text")


def _sealing(leaf: Row, facts: Mapping[LiteralString, object]) -> Composed:
    which = {"bounded_context": leaf["bounded_context"], "lower_bound": leaf["lower_bound"]}
    return call("esdb._seal", {**which, **facts})


def unseal(connection: Connection[Any], context: str, at: datetime, reason: str, *, wait: float = 60.0) -> str:
    """Take back the seal of the leaf of a context that holds a time, and return the leaf's name."""
    from psycopg import errors

    patience = Patience(wait)
    while True:
        try:
            with turn(connection):
                leaf = _unseal_plan(connection, context, at)
                for statement in _unsealing(connection, leaf, reason):
                    connection.execute(statement)
                connection.execute(_ddl("open_partition", leaf))
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            patience.pause_after(error, "could not unseal")
            continue
        return str(leaf["partition"])


def _unseal_plan(connection: Connection[Any], context: str, at: datetime) -> Row:
    (leaf,) = rows(connection, call("esdb._unseal_plan", {"context": context, "at": at}))
    return leaf


def _unsealing(connection: Connection[Any], leaf: Row, reason: str) -> list[str]:
    arguments = {"bounded_context": leaf["bounded_context"], "lower_bound": leaf["lower_bound"], "reason": reason}
    return [call("esdb._unseal", arguments).as_string(connection)]
