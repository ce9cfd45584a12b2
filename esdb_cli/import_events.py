"""`esdb import`: events of a file into the store, as they were."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from esdb_cli.compatibility import connect_to_change
from esdb_cli.db import connect, database_option
from esdb_cli.errors import EXIT_PENDING, CliError
from esdb_cli.import_lines import batches
from esdb_cli.import_mapping import OPTIONS, read_mapping
from esdb_cli.import_run import Fault, Import, StoppedAtFaultsError, Totals
from esdb_cli.output import print_json, printable, say
from esdb_cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esdb_cli.db import Row
    from esdb_cli.import_lines import Readable

_BATCH_LINES: Final = 6_000
_BATCH_BYTES: Final = 4 << 20
_SHORTEST_LIMIT: Final = 16 << 20
"""Bytes that any line may have: what is longer, and twice as long as a payload may be, is no event for the store."""
_SHOWN_FAULTS: Final = 20


@click.command("import")
@click.argument("file", type=click.File("rb"), required=False)
@click.option(
    "--from", "store", type=click.Choice(sorted(OPTIONS)), help="Read another store's tables instead of FILE."
)
@click.option(
    "--source-url",
    metavar="URL",
    envvar="ESDB_SOURCE_URL",
    show_envvar=True,
    help="With --from: the database that holds them.",
)
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.toml",
    help="With --from: what becomes of its categories and types of events.",
)
@click.option("--print-mapping", is_flag=True, help="With --from: print a mapping to begin with and change nothing.")
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
    file: IO[bytes] | None,
    store: str | None,
    source_url: str | None,
    mapping: Path | None,
    print_mapping: bool,
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

    With --from, the events of another event store are read from its tables, all that there are in one snapshot, and a
    mapping says where they belong.
    """
    _check_usage(file, store, source_url, mapping, print_mapping=print_mapping)
    if print_mapping:
        _print_mapping(str(store), str(source_url), mapping)
        return
    begun = time.monotonic()
    goes_on = on_error == "skip"
    opened = (
        _read_file(file) if file else _read_store(str(store), str(source_url), mapping, database_url, goes_on=goes_on)
    )
    with opened as given:
        max_payload_bytes = _max_payload_bytes(database_url)
        progress = Progress(given.length)
        shown = _Faults(rejects)
        run = Import(
            url=database_url,
            name=given.name,
            batches=batches(given.lines, _BATCH_LINES, _BATCH_BYTES, max(_SHORTEST_LIMIT, 2 * max_payload_bytes)),
            max_payload_bytes=max_payload_bytes,
            goes_on=goes_on,
            jobs=jobs,
            wait=wait,
            report_faults=shown.report,
            report_progress=lambda end, totals: progress.update(
                end if file else totals.lines, totals.events + totals.known
            ),
        )
        try:
            if dry_run:
                run.check()
            else:
                run.run()
        except StoppedAtFaultsError as stopped:
            progress.close()
            shown.report(stopped.faults)
            raise _stopped(stopped.faults, run.totals, mend=given.mend, dry_run=dry_run) from None
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


def _check_usage(
    file: IO[bytes] | None, store: str | None, source_url: str | None, mapping: Path | None, *, print_mapping: bool
) -> None:
    """Refuse what does not go together: a file is read, or a store."""
    if (file is None) == (store is None):
        raise click.UsageError("Give either FILE or --from.")
    if store is None and (mapping or print_mapping):
        raise click.UsageError("--mapping and --print-mapping go with --from.")
    if store and not source_url:
        raise click.UsageError("--from needs --source-url, or ESDB_SOURCE_URL.")
    if store and not mapping and not print_mapping:
        raise click.UsageError("--from needs --mapping; --print-mapping writes one to begin with.")


@dataclass(frozen=True)
class _Input:
    """What is imported: its lines, its name for the audit log, how many bytes or lines it has, and what to mend."""

    lines: Readable
    name: str
    length: int | None
    mend: str


@contextmanager
def _read_file(file: IO[bytes]) -> Iterator[_Input]:
    name = file.name if isinstance(file.name, str) and file.name != "<stdin>" else "-"
    yield _Input(file, name, _size(file), "file")


@contextmanager
def _read_store(
    store: str, source_url: str, mapping: Path | None, database_url: str | None, *, goes_on: bool
) -> Iterator[_Input]:
    """Open another store and read what the mapping keeps of it, once all that can be known before is in order."""
    from esdb_cli.import_sources import open_source

    contexts = _contexts(database_url)
    with open_source(store, source_url, read_mapping(mapping, store)) as source:
        events = source.prepare(contexts)
        source.check(goes_on=goes_on)
        for key in source.unused():
            say(printable(f"nothing in the source is meant by {key} of the mapping"))
        with source.lines() as lines:
            yield _Input(lines, source.name, events, "source, or the mapping,")


def _print_mapping(store: str, source_url: str, mapping: Path | None) -> None:
    from esdb_cli.import_sources import open_source

    with open_source(store, source_url, read_mapping(mapping, store)) as source:
        click.echo(source.starting_mapping(), nl=False)


def _contexts(database_url: str | None) -> list[Row]:
    from psycopg.rows import dict_row

    with connect(database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select kind, code, action_type from esdb.contexts").fetchall()


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


def _max_payload_bytes(database_url: str | None) -> int:
    with connect_to_change(database_url) as connection:
        row = connection.execute("select esdb._setting('max_payload_bytes')::integer").fetchone()
    return int(row[0]) if row else 0


def _seal(database_url: str | None, contexts: list[str], wait: float) -> None:
    from esdb_cli.seal import seal

    with connect(database_url) as connection:
        for context in contexts:
            done = seal(connection, context=context, wait=wait)
            if done.held:
                say(f"left for the next `esdb partitions seal`: {', '.join(done.held)}")


def _stopped(faults: list[Fault], totals: Totals, *, mend: str, dry_run: bool) -> CliError:
    kept = f"lines 1 to {totals.lines} are imported" if totals.lines else "nothing was imported"
    checked = f"lines 1 to {totals.lines} are good" if totals.lines else "no line before is proven good"
    return CliError(
        f"bad line: {faults[0].line}",
        detail=f"{checked if dry_run else kept}; the batch with the bad line was not",
        hint=f"mend the {mend} and run the import again: what is there already is left out. Or --on-error skip.",
    )


def _summary(totals: Totals, seconds: float, *, dry_run: bool) -> str:
    rate = f"{(totals.events + totals.known) / seconds:,.0f}/s"
    done = f"{'would import' if dry_run else 'imported'} {totals.events:,} events"
    left = f"{totals.known:,} were there already, {totals.refused:,} lines refused"
    place = f"; positions {totals.min_position} to {totals.max_position}" if totals.min_position else ""
    return f"{done} in {seconds:.1f} s ({rate}); {left}{place}"
