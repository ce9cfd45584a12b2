"""What every server of ours needs, temporary or kept: its programs run as a user that PostgreSQL accepts."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote

from esdb_cli.server_programs import LocalServerError

SOCKET_PATH_LIMIT: Final = 100
"""Bytes that a socket's path may have: the smallest platform allows 103 and a terminating null."""

StopMode = Literal["smart", "fast", "immediate"]
STOP_SIGNALS: Final[dict[StopMode, signal.Signals]] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
_LONGEST_LOG: Final = 20


class PidFile(NamedTuple):
    """What a server says of itself in postmaster.pid; the status is empty while it is not written yet."""

    pid: int
    data: str
    status: str

    @property
    def is_ready(self) -> bool:
        """Whether the server accepts connections."""
        return self.status in {"ready", "standby"}


def read_pid_file(data: Path) -> PidFile | None:
    """Read postmaster.pid in a data directory; None where there is none or it is not complete."""
    lines = _read(data / "postmaster.pid").splitlines()
    if not lines or not lines[0].strip().isdecimal():
        return None
    lines += [""] * (8 - len(lines))
    return PidFile(int(lines[0]), lines[1], lines[7].strip())


def unprivileged_identity() -> dict[str, Any]:
    """Give the arguments of Popen that drop root's privileges; none where we are not root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        raise LocalServerError("PostgreSQL refuses to run as root and there is no account `nobody` to run it") from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def give(path: Path, identity: Mapping[str, Any]) -> None:
    """Make the server's user the owner of a path, where that is not ourselves."""
    if identity:
        os.chown(path, identity["user"], identity["group"])


def spawn(
    program: Path, *arguments: str, identity: Mapping[str, Any], cwd: Path, **options: Any
) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs; no setting of libpq's or of a locale leads it astray.

    It has a session of its own: Ctrl-C in the terminal is for us, and we stop it.
    options: of Popen, such as stdout.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    defaults: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "start_new_session": True}
    try:
        return subprocess.Popen(
            [program, *arguments], cwd=cwd, env={**environment, "LC_ALL": "C.UTF-8"},
            **{**defaults, **identity, **options},
        )  # fmt: skip
    except OSError as error:
        raise LocalServerError(f"{program} cannot be run: {error.strerror}") from error


def run(program: Path, *arguments: str, text: bytes | None = None, **options: Any) -> str:
    """Run one of PostgreSQL's programs to its end; what it says is returned, or told by the error if it fails.

    text: its input. options: as of spawn(). If we are interrupted it ends too.
    """
    source = subprocess.DEVNULL if text is None else subprocess.PIPE
    process = spawn(program, *arguments, **{"stdin": source, "stdout": subprocess.PIPE, **options})
    try:
        output, _ = process.communicate(text)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    said = output.decode(errors="replace").strip()
    if process.returncode:
        raise LocalServerError(f"{program.name} of {program.parent} failed:\n{said}")
    return said


def initdb(bindir: Path, data: str, *arguments: str, **options: Any) -> None:
    """Make a data directory whose superuser is postgres; whoever reaches the server's socket is let in.

    options: as of run().
    """
    locale = "C" if sys.platform == "darwin" else "C.UTF-8"
    run(
        bindir / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", f"--locale={locale}", "--auth-local=trust",
        *arguments, **options,
    )  # fmt: skip


def wait_until_ready(process: subprocess.Popen[bytes], data: Path, is_late: Callable[[], bool]) -> bool:
    """Wait until a server that we have started accepts connections; False when it ended, or it is late."""
    while process.poll() is None:
        written = read_pid_file(data)
        if written is not None and written.pid == process.pid and written.is_ready:
            return True
        if is_late():
            return False
        time.sleep(0.01)
    return False


def failure(message: str, log: Path, start: int = 0) -> LocalServerError:
    """Give an error that ends with the end of the server's log.

    start: how long the log was before, in bytes.
    """
    lines = _read(log, start).splitlines()
    return LocalServerError("\n".join([message, *lines[-_LONGEST_LOG:]]))


def readable_programs(bindir: Path, identity: Mapping[str, Any], folder: Callable[[], Path]) -> Path:
    """Give the folder of the programs, copied where the server's user may not run them: from a home of root's, say.

    folder: gives a folder that the server's user reaches; the copy goes into its folder `programs`.
    """
    if not identity or _runs(bindir / "postgres", identity):
        return bindir
    programs = folder() / "programs"
    shutil.rmtree(programs, ignore_errors=True)
    prefix = bindir.parent
    copy = programs / prefix.parent.name / prefix.name
    for part in (bindir, prefix / "lib", prefix / "share"):
        if part.is_dir():
            shutil.copytree(part, copy / part.name, symlinks=True)
    # A wheel keeps the libraries that it brought along beside the package.
    libraries = prefix.parent.with_name(prefix.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, programs / libraries.name, symlinks=True)
    for path in (programs, *programs.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
    return copy / bindir.name


def _runs(program: Path, identity: Mapping[str, Any]) -> bool:
    try:
        result = subprocess.run([program, "--version"], capture_output=True, check=False, cwd="/", **identity)
    except PermissionError:
        return False
    return result.returncode == 0


def reachable_by_all(folder: Path) -> bool:
    """Tell whether every user may enter a folder."""
    resolved = folder.resolve()
    return all(place.stat().st_mode & 0o001 for place in (resolved, *resolved.parents))


def socket_url(folder: Path, port: int, dbname: str, user: str = "postgres", password: str | None = None) -> str:
    """Give the libpq URL of a database through the socket in a folder."""
    account = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
    return f"postgresql://{account}@/{quote(dbname, safe='')}?host={quote(str(folder), safe='')}&port={port}"


def kill9(pid: int) -> None:
    """Kill every process of a server at once with SIGKILL."""
    # Stopped, it can neither start further processes nor notice that one has died.
    os.kill(pid, signal.SIGSTOP)
    children = _children(pid)
    for each in (*children, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    wait_until_gone(children)


def _children(parent: int) -> list[int]:
    """List the processes that a process has started: by /proc, elsewhere by ps."""
    if sys.platform == "linux":
        lines = [line for path in Path("/proc").glob("[0-9]*/stat") if (line := _read(path))]
        # The program's name stands in parentheses and may hold anything; after it come state and parent.
        pairs = [(line.split(" ", 1)[0], line.rpartition(")")[2].split()[1]) for line in lines]
    else:
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        pairs = [(fields[0], fields[1]) for line in listing.stdout.splitlines() if len(fields := line.split()) == 2]
    return [int(pid) for pid, ppid in pairs if int(ppid) == parent]


def wait_until_gone(pids: Sequence[int], timeout: float = 20) -> None:
    """Wait until the processes hold nothing any more; one that nobody has reaped counts as gone."""
    deadline = time.monotonic() + timeout
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise LocalServerError(f"the server's processes did not end within {timeout:g} s")
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = _read(Path(f"/proc/{pid}/stat"))
    return not stat.rpartition(")")[2].lstrip().startswith(("Z", "X"))


def arguments_of(pid: int) -> str:
    """Give the command line of a process, empty where there is no such process."""
    if sys.platform == "linux":
        line = _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")
    else:
        command = ["ps", "-ww", "-p", str(pid), "-o", "args="]
        line = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return line


def _read(path: Path, start: int = 0) -> str:
    try:
        with path.open(errors="replace") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return ""
