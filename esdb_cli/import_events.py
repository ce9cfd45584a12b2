"""`esdb import`: events of a file into the store, as they were."""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import asdict
from typing import IO, Final

import click

from esdb_cli.db import connect, database_option
from esdb_cli.errors import EXIT_PENDING, CliError
from esdb_cli.import_lines import batches
from esdb_cli.import_run import Fault, Import, StoppedAtFaultsError, Totals
from esdb_cli.output import print_json, printable, say
from esdb_cli.progress import Progress

_BATCH_LINES: Final = 20_000
_BATCH_BYTES: Final = 8 << 20
_SHORTEST_LIMIT: Final = 16 << 20
_SHOWN_FAULTS: Final = 20


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What a bad line does: end the import, or be left out.",
)
@click.option(
    "--rejects",
    type=click.File("w", encoding="utf-8", lazy=True),
    metavar="FILE",
    help="Write each bad line to FILE, as a JSON object with line, fault and text.",
)
@click.option("--no-seal", is_flag=True, help="Leave it to `esdb maintain` to seal again what had to be unsealed.")
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="Batches at a time.")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to try for locks.")
@click.option("--dry-run", is_flag=True, help="Check the whole file against the store and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@database_option
def import_command(  # noqa: PLR0913  (an option each)
    *,
    file: IO[bytes],
    on_error: str,
    rejects: IO[str] | None,
    no_seal: bool,
    jobs: int,
    wait: float,
    dry_run: bool,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Import events, as `esdb export` writes them.

    FILE (- for stdin) has a JSON object a line. Ids, versions, times and order stay; positions are new. An event that
    is there already is left out, so an import that ended early, or was killed, is simply run again. Missing months are
    made; sealed ones are unsealed and sealed again. Needs the owner of the store. Exits 3 when bad lines were left out.
    """
    begun = time.monotonic()
    progress = Progress(_size(file))
    shown = _Faults(rejects)
    run = Import(
        url=database_url,
        name=file.name if isinstance(file.name, str) and file.name != "<stdin>" else "-",
        batches=batches(file, _BATCH_LINES, _BATCH_BYTES, _longest_line(database_url)),
        goes_on=on_error == "skip",
        jobs=jobs,
        wait=wait,
        report_faults=shown.report,
        report_progress=lambda end, totals: progress.update(end, totals.events + totals.known),
    )
    try:
        if dry_run:
            run.check()
        else:
            run.run()
    except StoppedAtFaultsError as stopped:
        progress.close()
        shown.report(stopped.faults)
        raise _stopped(stopped.faults, run.totals, dry_run=dry_run) from None
    finally:
        progress.close()
        if run.unsealed and not no_seal:
            _seal(database_url, sorted({context for context, _ in run.unsealed}), wait)
    if as_json:
        print_json({**asdict(run.totals), "dry_run": dry_run, "unsealed": [name for _, name in run.unsealed]})
    else:
        say(_summary(run.totals, time.monotonic() - begun, dry_run=dry_run))
    if run.totals.refused:
        raise click.exceptions.Exit(EXIT_PENDING)


class _Faults:
    """Shows the first bad lines and writes all of them to the file of rejects."""

    def __init__(self, rejects: IO[str] | None) -> None:
        self._rejects = rejects
        self._shown = 0

    def report(self, faults: list[Fault]) -> None:
        for fault in faults:
            if self._rejects is not None:
                self._rejects.write(json.dumps(asdict(fault), ensure_ascii=False) + "\n")
            if self._shown < _SHOWN_FAULTS:
                say(printable(f"line {fault.line}: {fault.fault}"))
            elif self._shown == _SHOWN_FAULTS:
                say("… and more bad lines" + ("" if self._rejects else "; --rejects FILE writes them all"))
            self._shown += 1
        if self._rejects is not None:
            self._rejects.flush()


def _size(file: IO[bytes]) -> int | None:
    """Return the size of a regular file."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _longest_line(database_url: str | None) -> int:
    """Return the bytes that a line may have: what is longer cannot be an event that the store takes."""
    with connect(database_url) as connection:
        row = connection.execute("select esdb._setting('max_payload_bytes')::integer").fetchone()
    return max(_SHORTEST_LIMIT, 2 * row[0] if row else 0)


def _seal(database_url: str | None, contexts: list[str], wait: float) -> None:
    from esdb_cli.seal import seal

    with connect(database_url) as connection:
        for context in contexts:
            done = seal(connection, context=context, wait=wait)
            if done.held:
                say(f"left for the next `esdb partitions seal`: {', '.join(done.held)}")


def _stopped(faults: list[Fault], totals: Totals, *, dry_run: bool) -> CliError:
    kept = f"lines 1 to {totals.lines} are imported" if totals.lines else "nothing was imported"
    checked = f"lines 1 to {totals.lines} are good" if totals.lines else "no line before is proven good"
    return CliError(
        f"bad line: {faults[0].line}",
        detail=f"{checked if dry_run else kept}; the batch with the bad line was not",
        hint="mend the file and run the import again: what is there already is left out. Or --on-error skip.",
    )


def _summary(totals: Totals, seconds: float, *, dry_run: bool) -> str:
    rate = f"{(totals.events + totals.known) / seconds:,.0f}/s"
    done = f"{'would import' if dry_run else 'imported'} {totals.events:,} events"
    left = f"{totals.known:,} were there already, {totals.refused:,} lines refused"
    place = f"; positions {totals.min_position} to {totals.max_position}" if totals.min_position else ""
    return f"{done} in {seconds:.1f} s ({rate}); {left}{place}"
