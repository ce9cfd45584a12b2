"""The folder `.esdb` of a kept server: what lies in it, whose it is, and who is at work in it.

.gitignore   keeps it out of a repository
lock         held by whoever starts, stops or destroys the server
server.json  what is remembered: see Memory
log          what the server says
data/        PostgreSQL's data, and its socket
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from esdb_cli.output import say
from esdb_cli.server_process import SOCKET_PATH_LIMIT, reachable_by_all
from esdb_cli.server_programs import LocalServerError

NAME: Final = ".esdb"
_PREFIX: Final = "esdb-local-"
_OURS: Final = re.compile(r"\.gitignore|lock|server\.json(\.new)?|log|data(\.\w+)?")


@dataclass
class Memory:
    """What is kept from one start of the server to the next.

    bindir: the programs' folder. folder, inode: where the data lay, and as which directory. private: a folder of ours
    below the temporary one, for what the server or its clients could not reach here.
    """

    bindir: str = ""
    folder: str = ""
    inode: int = 0
    private: str = ""


class LocalFolder:
    """The folder of a kept server, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.path / "log"

    @property
    def version(self) -> int | None:
        """The major version of the data, None where there are none."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            raise LocalServerError(f"{self.data / 'PG_VERSION'} holds no version") from None

    def exists(self) -> bool:
        """Tell whether the folder is there; raises LocalServerError where it is not ours alone."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            if self.path.is_symlink():
                raise LocalServerError(f"{self.path} is a link that leads nowhere") from None
            return False
        except OSError as error:
            raise LocalServerError(f"{self.path} cannot be used: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode):
            raise LocalServerError(f"{self.path} is not a folder")
        if found.st_uid != os.geteuid():
            owner = _account(found.st_uid)
            raise LocalServerError(f"{self.path} belongs to {owner}\nwork as {owner}, or in another folder")
        if found.st_mode & 0o077:
            raise LocalServerError(
                f"other users may enter {self.path}\nif the folder is one of yours, made by esdb: chmod 700 {NAME}"
            )
        return True

    def strangers(self) -> list[str]:
        """List what lies in the folder and is none of ours."""
        names = [path.name for path in self.path.iterdir()]
        strange = [name for name in names if not _OURS.fullmatch(name)]
        if self.version is None and self.data.exists():
            strange.append("data")
        return sorted(strange)

    @contextlib.contextmanager
    def locked(self, *, make: bool = False) -> Iterator[int]:
        """Work in the folder alone; yields the lock's file descriptor, and whoever inherits it holds the lock too.

        make: make the folder where it is missing; what has no data at the end is removed again.
        """
        descriptor = self._lock(make=make)
        try:
            yield descriptor
        except BaseException:
            if make and self.version is None and not self.strangers():
                self.remove()
            raise
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the folder, which must be locked, at once for everybody else."""
        with contextlib.suppress(LocalServerError, OSError):
            shutil.rmtree(self.recall().private, ignore_errors=True)
        away = Path(tempfile.mkdtemp(prefix=f"{NAME}.destroyed-", dir=self.path.parent))
        self.path.rename(away)
        shutil.rmtree(away)

    def recall(self) -> Memory:
        """Read what was remembered; nothing where that cannot be read.

        A private folder that is not safe is forgotten, and in a copy so is that of the original.
        """
        try:
            memory = Memory(**json.loads((self.path / "server.json").read_text()))
        except (OSError, ValueError, TypeError):
            return Memory()
        if self.is_copy(memory) or not _is_private(memory.private):
            memory.private = ""
        return memory

    def is_copy(self, memory: Memory) -> bool:
        """Tell whether the data were copied here since the last start; what was only moved is the same directory."""
        if memory.folder == str(self.path):
            return False
        try:
            return self.data.stat().st_ino != memory.inode
        except FileNotFoundError:
            return False

    def remember(self, memory: Memory) -> None:
        """Write what the next start is to know."""
        new = self.path / "server.json.new"
        new.write_text(json.dumps(asdict(memory)) + "\n")
        new.replace(self.path / "server.json")

    def private(self, memory: Memory) -> Path:
        """Give the private folder, made where there is none; short, and named without what libpq cannot read."""
        if not memory.private:
            places = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108
            place = next((place for place in places if _serves(place)), None)
            if place is None:
                raise LocalServerError("no temporary folder has a short and plain name: set TMPDIR")
            memory.private = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
            # the server's user enters it too; nobody but us changes what is in it
            Path(memory.private).chmod(0o711)
            self.remember(memory)
        return Path(memory.private)

    def host(self, memory: Memory) -> Path | None:
        """Give the folder by which clients find the socket; None where link() has to make it first."""
        if _is_plain(self.data):
            return self.data
        link = Path(memory.private, "data")
        is_right = memory.private and link.is_symlink() and link.readlink() == self.data
        return link if is_right else None

    def link(self, memory: Memory) -> Path:
        """Make what host() gives: by another name, where the folder's own is too long for a socket, or has a comma."""
        host = self.host(memory)
        if host is None:
            host = self.private(memory) / "data"
            host.unlink(missing_ok=True)
            host.symlink_to(self.data)
        return host

    def _lock(self, *, make: bool) -> int:
        while True:
            if make:
                self._make()
            elif not self.exists():
                raise LocalServerError(f"there is no {self.path}")
            try:
                descriptor = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                continue  # it was destroyed meanwhile
            except OSError as error:
                raise LocalServerError(f"{self.path / 'lock'} cannot be opened: {error.strerror}") from error
            try:
                _wait_for(descriptor)
                if self._is_still(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _make(self) -> None:
        if self.exists():
            return
        try:
            self.path.mkdir(0o700, exist_ok=True)
        except OSError as error:
            raise LocalServerError(f"{self.path} cannot be made: {error.strerror}") from error
        with contextlib.suppress(FileNotFoundError):  # it was destroyed meanwhile
            (self.path / ".gitignore").write_text("*\n")

    def _is_still(self, descriptor: int) -> bool:
        """Tell whether the lock is that of the folder as it is now, not of one that was destroyed meanwhile."""
        try:
            return os.path.samestat(os.fstat(descriptor), (self.path / "lock").stat())
        except FileNotFoundError:
            return False


def _wait_for(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another command is starting or stopping the server of {NAME}: waiting for it …")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_plain(folder: Path) -> bool:
    """Tell whether libpq takes a folder as a host: short, no list of hosts, text."""
    name = str(folder / ".s.PGSQL.65535")
    return len(os.fsencode(name)) < SOCKET_PATH_LIMIT and "," not in name and name.isprintable()


def _serves(place: Path) -> bool:
    """Tell whether a private folder may lie in a temporary one: root's is for the server's user too."""
    return _is_plain(place / f"{_PREFIX}12345678" / "data") and (os.geteuid() != 0 or reachable_by_all(place))


def _is_private(name: str) -> bool:
    """Tell whether a private folder is still as we made it; others may have made one of its name since."""
    try:
        found = os.lstat(name)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
