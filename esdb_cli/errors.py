"""Exit codes, and how an error looks: one line `esdb: …`, then `detail:` and `hint:`."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from esdb_cli.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PENDING = 3
"""Something is pending, or has drifted from what the migrations left."""
EXIT_LOCK_TIMEOUT = 4
EXIT_CANNOT_CONNECT = 5
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141

NO_STORE = "run `esdb migrate`"
_NOT_ALLOWED = (
    "members of esdb_reader may read; of esdb_writer also append, delete, restore and save snapshots;"
    " of esdb_consumer work on subscriptions; of esdb_maintainer read, change settings, clean up and verify;"
    " what makes or alters tables and contexts is the store's owner's"
)


class CliError(click.ClickException):
    """An error to show as one line, with optional detail and hint lines, and to end with its exit code."""

    def __init__(
        self,
        message: str,
        exit_code: int = EXIT_FAILED,
        *,
        detail: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it for the class
        self.detail = detail
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error, by default on stderr; what came from the caller cannot steer the terminal."""
        for line in self._lines():
            click.echo(line, file=file, err=file is None)

    def _lines(self) -> Iterator[str]:
        yield f"esdb: {printable(self.message)}"
        for label, text in (("detail", self.detail), ("hint", self.hint)):
            if text:
                yield "\n".join(printable(line) for line in f"{label}: {text}".split("\n"))


def from_database(error: psycopg.Error) -> CliError:
    """Turn an error of the server, or of the connection to it, into a line with the right exit code.

    An error of the store shows its code, by which the reference explains it: `version conflict: … (SE001)`.
    """
    diagnostic = error.diag
    message = (diagnostic.message_primary or str(error)).strip()
    if diagnostic.sqlstate and diagnostic.sqlstate.startswith("SE"):
        message = f"{message} ({diagnostic.sqlstate})"
    else:
        # a syntax error quotes the rest of the statement
        message = message.partition("\n")[0] or type(error).__name__
    lock_timeout = diagnostic.sqlstate == "55P03"
    return CliError(
        message,
        detail=diagnostic.message_detail,
        hint=_hint(diagnostic) or diagnostic.message_hint,
        exit_code=EXIT_LOCK_TIMEOUT if lock_timeout else EXIT_FAILED,
    )


def _hint(diagnostic: psycopg.errors.Diagnostic) -> str | None:
    """Say what to do where the server cannot know: the store is not there, or is not this role's."""
    match diagnostic.sqlstate:
        case "3F000":
            return NO_STORE
        case "42P01" | "42883" if "esdb." in (diagnostic.message_primary or ""):
            return NO_STORE
        case "23514" if not diagnostic.message_hint and (
            "no partition of relation" in (diagnostic.message_primary or "")
            or (diagnostic.constraint_name or "").startswith("spans_until_")
        ):
            return (
                "run `esdb partitions create-next`; if nothing is due, the server's clock stands before all partitions"
            )
        case "42P07" if 'relation "events_' in (diagnostic.message_primary or ""):
            return "a table of this name is not where it belongs: run `esdb verify --schema-only`"
        case "42501" if not diagnostic.message_hint:
            return _NOT_ALLOWED
    return None


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """End the command as it should end: errors as lines, a closed pipe and Ctrl-C quietly."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except click.FileError as error:
        raise CliError(f"cannot open {error.ui_filename}: {error.message}") from error
    except UnicodeError as error:
        raise CliError("an argument or the input is not valid UTF-8", exit_code=EXIT_USAGE) from error
    except OSError as error:
        _discard_stdout()
        if error.errno == errno.EPIPE:
            raise click.exceptions.Exit(EXIT_PIPE_CLOSED) from None
        raise CliError(_system_message(error)) from error
    except Exception as error:
        # psycopg is imported only by commands that connect: where it is not loaded, the error is not its own
        psycopg = sys.modules.get("psycopg")
        if psycopg is None or not isinstance(error, psycopg.Error):
            raise
        raise from_database(error) from error


def _system_message(error: OSError) -> str:
    """Say what the operating system refused, as other commands do: without Python's number and quotes."""
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _discard_stdout() -> None:
    """Keep the interpreter's last flush from failing once more on a closed pipe or a full disk."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
