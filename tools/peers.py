"""Other event stores, for benchmarks and tests: fetched from their package registries into .cache, and their schemas.

Nothing of theirs is kept in the project.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests import tools

CACHE: Final = Path(__file__).resolve().parent.parent / ".cache" / "bench"

NPM_PACKAGES: Final = {"@eventide/message-db": "1.3.1", "@event-driven-io/emmett-postgresql": "0.42.0"}
PYTHON_PACKAGES: Final = {"eventsourcing[postgres]": "9.5.0"}

_PRINT_EMMETT = """
import { schemaSQL } from '@event-driven-io/emmett-postgresql';
console.log(schemaSQL.join('\\n;\\n'));
"""
# in the order of message-db's own installer, whose shell scripts need psql
_MESSAGE_DB = (
    "roles/message-store", "schema/message-store", "tables/messages", "types/message",
    *(
        f"functions/{name}" for name in (
            "message-store-version", "hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id",
            "stream-version", "write-message", "get-stream-messages", "get-category-messages",
            "get-last-stream-message",
        )
    ),
    "indexes/messages-id", "indexes/messages-stream", "indexes/messages-category",
    *(
        f"views/{name}" for name in (
            "stream-summary", "type-summary", "stream-type-summary", "type-stream-summary", "category-type-summary",
            "type-category-summary",
        )
    ),
    *(f"privileges/{name}" for name in ("schema", "table", "sequence", "functions", "views")),
)  # fmt: skip

_TIMEOUT_SECONDS: Final = 300
"""How long an installer may take before it counts as hanging."""


class PackageError(RuntimeError):
    """A target could not be installed; the message says why."""


def npm_folder() -> Path:
    """Install the npm packages and give the folder that holds their node_modules."""
    wanted = [f"{name}@{version}" for name, version in NPM_PACKAGES.items()]
    folder = CACHE / "npm"
    with _installing(folder, wanted) as is_due:
        if is_due:
            run(
                *tools.npm(), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *wanted
            )
    return folder


def python_folder() -> Path:
    """Install the Python packages and give the folder to put on PYTHONPATH."""
    wanted = [f"{name}=={version}" for name, version in PYTHON_PACKAGES.items()]
    folder = CACHE / "python"
    with _installing(folder, wanted) as is_due:
        if is_due:
            run(sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), *wanted)
    return folder


@contextmanager
def _installing(folder: Path, wanted: list[str]) -> Iterator[bool]:
    """Tell whether something is to be installed, and note when it is; one at a time, whoever else is about to."""
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        note = folder / "installed.txt"
        is_due = not note.is_file() or note.read_text().split() != wanted
        yield is_due
        if is_due:
            note.write_text("\n".join(wanted) + "\n")


def message_db_schema() -> str:
    """Give what makes message-db's schema.

    Its extension pgcrypto is left out: not every server has it, and what it is for is PostgreSQL's own by now.
    """
    folder = npm_folder() / "node_modules" / "@eventide" / "message-db" / "database"
    return ";\n".join((folder / f"{name}.sql").read_text(encoding="utf-8") for name in _MESSAGE_DB)


def emmett_schema() -> str:
    """Give what makes emmett's schema, as the package prints it."""
    return run(str(tools.node()), "--input-type=module", "-e", _PRINT_EMMETT, folder=npm_folder())


def versions() -> dict[str, str]:
    """Give the versions of the peers."""
    return {name.split("[")[0]: version for name, version in {**NPM_PACKAGES, **PYTHON_PACKAGES}.items()}


def run(*command: str, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run an installer and give what it printed; it has a limited time and nothing to read an answer from.

    folder: where it runs. environment: variables beside the inherited ones.
    """
    # a session of its own, so that the end of its time ends what it has started too
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(environment or {})}, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        name = Path(command[0]).name
        try:
            output, errors = process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise PackageError(f"{name} has not ended in {_TIMEOUT_SECONDS} s") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise PackageError(f"{name} failed:\n{(errors or output).strip()[-2000:]}")
    return output
