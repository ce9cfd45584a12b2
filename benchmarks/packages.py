"""Installs the peers from their package registries into a cache folder; nothing of theirs is kept in the project."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).resolve().parent.parent / ".cache" / "bench"

NPM_PACKAGES: Final = {"@eventide/message-db": "1.3.1", "@event-driven-io/emmett-postgresql": "0.42.0"}
PYTHON_PACKAGES: Final = {"eventsourcing[postgres]": "9.5.0"}


_installing = threading.Lock()
"""Targets are prepared at the same time; npm's folder belongs to two of them."""


class PackageError(RuntimeError):
    """A peer could not be installed; the message says how to go on."""


def npm_folder() -> Path:
    """Install the npm packages and give the folder that holds their node_modules."""
    wanted = [f"{name}@{version}" for name, version in NPM_PACKAGES.items()]
    folder = CACHE / "npm"
    with _installing:
        return _install_npm(folder, wanted)


def _install_npm(folder: Path, wanted: list[str]) -> Path:
    if _is_current(folder, wanted):
        return folder
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise PackageError("npm and node are needed for message-db and emmett: install Node.js, or leave them out")
    folder.mkdir(parents=True, exist_ok=True)
    _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *wanted)
    _note(folder, wanted)
    return folder


def python_folder() -> Path:
    """Install the Python packages and give the folder to put on PYTHONPATH."""
    wanted = [f"{name}=={version}" for name, version in PYTHON_PACKAGES.items()]
    folder = CACHE / "python"
    if not _is_current(folder, wanted):
        _run(sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), *wanted)
        _note(folder, wanted)
    return folder


def versions() -> dict[str, str]:
    """Give the versions of the peers."""
    return {name.split("[")[0]: version for name, version in {**NPM_PACKAGES, **PYTHON_PACKAGES}.items()}


def _is_current(folder: Path, wanted: list[str]) -> bool:
    note = folder / "installed.txt"
    return note.is_file() and note.read_text().split() == wanted


def _note(folder: Path, wanted: list[str]) -> None:
    (folder / "installed.txt").write_text("\n".join(wanted) + "\n")


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise PackageError(f"{' '.join(command[:3])} failed:\n{(result.stderr or result.stdout).strip()[-2000:]}")
