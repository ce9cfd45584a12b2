"""The files of an archive: a manifest, and the events as lines of JSON in one zstd file.

Whatever is read is taken for somebody else's until it is proven: no link is followed, no name from a manifest is
opened, no more is read than the manifest says, and nothing is kept in memory but a chunk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from esdb_cli.errors import EXIT_LOCK_TIMEOUT, CliError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.ndjson.zst"

_BLOCK: Final = 1000
_CHUNK: Final = 1 << 20
_LARGEST_MANIFEST: Final = 1 << 20
_LARGEST_WINDOW: Final = 1 << 23
_NOT_CHANGED: Final = "nothing was changed"

Manifest = dict[str, Any]


class LineDigest:
    """The digest of esdb_meta.digest_events(), of lines that come in chunks cut anywhere."""

    def __init__(self) -> None:
        self.lines = 0
        self._digest = b""
        self._block: list[bytes] = []
        self._line = hashlib.sha256()
        self._in_line = False

    def feed(self, chunk: bytes) -> None:
        """Take a chunk of lines, each ended by a newline."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if self._in_line:
                self._line.update(end)
                self._end(self._line.digest())
                self._line, self._in_line = hashlib.sha256(), False
            else:
                self._end(hashlib.sha256(end).digest())
        if rest:
            self._line.update(rest)
            self._in_line = True

    def line(self, line: bytes) -> None:
        """Take one line, without its newline."""
        self._end(hashlib.sha256(line).digest())

    def hexdigest(self) -> str | None:
        """Return the digest of all lines; None when the last one has no end. Nothing may be fed afterwards."""
        if self._in_line:
            return None
        if self._block:
            self._fold()
        return self._digest.hex()

    def _end(self, digest: bytes) -> None:
        self._block.append(digest)
        self.lines += 1
        if len(self._block) == _BLOCK:
            self._fold()

    def _fold(self) -> None:
        self._digest = hashlib.sha256(self._digest + b"".join(self._block)).digest()
        self._block.clear()


class Folder:
    """The directory of one archive, opened once: what is done in it cannot be led elsewhere."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Folder]:
        """Open a directory; a link is none. Raises CliError."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise CliError(f"{path} is no directory of an archive", detail=error.strerror, hint=_NOT_CHANGED) from error
        try:
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def manifest(self) -> Manifest | None:
        """Read the manifest and check its form; None where there is none. Raises CliError."""
        try:
            file = self._open(MANIFEST)
        except FileNotFoundError:
            return None
        with file:
            text = file.read(_LARGEST_MANIFEST + 1)
        return _manifest(self.path / MANIFEST, text)

    def write(self, facts: Manifest, events: Iterable[bytes]) -> Manifest:
        """Write the events and then the manifest, each under another name first and safe on disk before it is renamed.

        facts: what the manifest says beside the file. Raises CliError when the lines are not those of its digest.
        """
        with self._exclusively() as file:
            written = _write(file, events)
            digest = written.pop("events_digest")
            lines = written.pop("lines")
            if facts["event_count"] != lines or (facts["event_count"] and facts["events_digest"] != digest):
                raise CliError(
                    f"the events of {facts['partition']} are not those that were sealed",
                    detail=f"{lines} events with digest {digest}, sealed were"
                    f" {facts['event_count']} with {facts['events_digest']}",
                    hint="esdb verify --events",
                )
            os.fsync(file.fileno())
            self._rename(EVENTS)
            manifest = {**facts, "file": {"name": EVENTS, **written}}
            with self._create(MANIFEST) as text:
                text.truncate()
                text.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
                text.flush()
                os.fsync(text.fileno())
            self._rename(MANIFEST)
        os.fsync(self._descriptor)
        return manifest

    def prove(self, manifest: Manifest) -> None:
        """Read the file to its end: size, SHA-256, lines and their digest are the manifest's, or CliError."""
        digest = LineDigest()
        for chunk in self._chunks(manifest):
            digest.feed(chunk)
            if digest.lines > manifest["event_count"]:
                raise self._refusal("it has more lines than the manifest says")
        self._compare(manifest, digest)

    def pages(self, manifest: Manifest) -> Iterator[str]:
        """Give the lines of a proven file, some at a time, without the last newline; prove it on the way again."""
        digest = LineDigest()
        rest: list[bytes] = []
        for chunk in self._chunks(manifest):
            digest.feed(chunk)
            whole, newline, last = chunk.rpartition(b"\n")
            if newline:
                yield b"".join([*rest, whole]).decode()
                rest = []
            rest.append(last)
        self._compare(manifest, digest)

    def _chunks(self, manifest: Manifest) -> Iterator[bytes]:
        """Give the file's content, no more of it than the manifest says, in little memory whatever the file is."""
        import zstandard

        facts = manifest["file"]
        left = facts["uncompressed_bytes"]
        try:
            file = self._open(EVENTS)
        except FileNotFoundError:
            raise self._refusal("it is missing") from None
        with file:
            if os.fstat(file.fileno()).st_size != facts["bytes"]:
                raise self._refusal("its size is not the manifest's")
            hashed: Any = _Hashed(file)
            reader = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).stream_reader(
                hashed, read_across_frames=True
            )
            try:
                while chunk := reader.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise self._refusal("it has more bytes than the manifest says")
                    yield chunk
            except zstandard.ZstdError as error:
                raise self._refusal(f"it is damaged: {error}") from error
            while hashed.read(_CHUNK):
                pass
            if left or hashed.sha256.hexdigest() != facts["sha256"]:
                raise self._refusal("its content is not what the manifest says")

    def _compare(self, manifest: Manifest, digest: LineDigest) -> None:
        found = digest.hexdigest()
        if digest.lines != manifest["event_count"] or found is None:
            raise self._refusal(f"it has {digest.lines} lines, not {manifest['event_count']}")
        if digest.lines and found != manifest["events_digest"]:
            raise self._refusal("the digest of its events is not the manifest's")

    def _refusal(self, fault: str) -> CliError:
        return CliError(f"{self.path / EVENTS}: {fault}", hint=_NOT_CHANGED)

    def _open(self, name: str) -> BinaryIO:
        """Open a regular file of this directory; anything else, a link before all, is refused."""
        path = self.path / name
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CliError(f"{path} cannot be read as a file", detail=error.strerror, hint=_NOT_CHANGED) from error
        file = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise CliError(f"{path} is no regular file", hint=_NOT_CHANGED)
        return file

    def _create(self, name: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        try:
            return os.fdopen(os.open(_partial(name), flags, 0o600, dir_fd=self._descriptor), "wb")
        except OSError as error:
            raise CliError(f"cannot write {self.path / _partial(name)}", detail=error.strerror) from error

    def _rename(self, name: str) -> None:
        os.replace(_partial(name), name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    @contextmanager
    def _exclusively(self) -> Iterator[BinaryIO]:
        """Create the events' file under its first name, locked: another store's run may have the same directory."""
        with self._create(EVENTS) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = os.path.samestat(os.fstat(file.fileno()), os.stat(_partial(EVENTS), dir_fd=self._descriptor))
            except (BlockingIOError, FileNotFoundError):
                is_ours = False
            if not is_ours:  # it is locked, or was renamed before the lock came free
                message = f"another run is writing to {self.path}"
                raise CliError(message, EXIT_LOCK_TIMEOUT, hint="each store needs a directory of its own")
            file.truncate()
            try:
                yield file
            except BaseException:
                for name in (EVENTS, MANIFEST):
                    with suppress(OSError):
                        os.unlink(_partial(name), dir_fd=self._descriptor)
                raise


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        data = self._file.read(size)
        self.sha256.update(data)
        return data


class _Counted:
    """A file that is hashed and counted while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write bytes."""
        self.sha256.update(data)
        self.bytes += len(data)
        return self._file.write(data)


def make_folder(directory: Path, name: str) -> Path:
    """Make the directory of an archive, for this user alone, safe on disk; one that is there stays."""
    path = directory / name
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path


def archives_in(directory: Path) -> list[Path]:
    """Give the archives of a directory, which may be one itself. Raises CliError when there is none."""
    if (directory / MANIFEST).is_symlink() or (directory / MANIFEST).exists():
        return [directory]
    found = sorted(path for path in directory.iterdir() if (path / MANIFEST).is_symlink() or (path / MANIFEST).exists())
    if not found:
        raise CliError(f"there is no archive in {directory}", hint=f"an archive is a directory with a {MANIFEST}")
    return found


def _partial(name: str) -> str:
    return f"{name}.partial"


def _write(file: BinaryIO, lines: Iterable[bytes]) -> dict[str, Any]:
    import zstandard

    counted: Any = _Counted(file)
    digest = LineDigest()
    size = 0
    with zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(counted, closefd=False) as writer:
        for line in lines:
            digest.line(line)
            size += len(line) + 1
            writer.write(line)
            writer.write(b"\n")
    file.flush()
    return {
        "bytes": counted.bytes,
        "sha256": counted.sha256.hexdigest(),
        "uncompressed_bytes": size,
        "lines": digest.lines,
        "events_digest": digest.hexdigest(),
    }


def _manifest(path: Path, text: bytes) -> Manifest:
    """Read a manifest and check its form; what it says of the events is for the database to compare."""
    try:
        # one that is too long was cut where it was read, and does not parse
        manifest = json.loads(text.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path} is not readable as a manifest", detail=str(error), hint=_NOT_CHANGED) from error
    if not isinstance(manifest, dict):
        raise CliError(f"{path} is no manifest: it holds no JSON object", hint=_NOT_CHANGED)
    if manifest.get("format") != FORMAT or isinstance(manifest["format"], bool):
        message = f"{path} is of a format that this version of esdb does not know"
        raise CliError(message, detail=f"format {manifest.get('format')!r}, known is {FORMAT}", hint=_NOT_CHANGED)
    file = manifest.get("file")
    is_sound = (
        isinstance(file, dict)
        and file.get("name") == EVENTS
        and all(_is_count(file.get(name)) for name in ("bytes", "uncompressed_bytes"))
        and isinstance(file.get("sha256"), str)
        and _is_count(manifest.get("event_count"))
        and all(isinstance(manifest.get(name), str) for name in ("partition", "events_digest"))
    )
    if not is_sound:
        detail = f"its file must be {EVENTS}, beside it, with bytes, uncompressed_bytes and sha256"
        raise CliError(f"{path} is no manifest of an archive", detail=detail, hint=_NOT_CHANGED)
    return manifest


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
