"""Runs commands in processes forked from one that has loaded their libraries, which takes longer than most commands do.

Whatever else a command is stays: a process of its own with its own environment, folder, input and output. Our own
modules are loaded by each, so that an import that is missing is noticed. Run as a program, this is that process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("click", "jinja2", "psycopg.types.json", "yoyo.backends.core.postgresql", "zstandard")
AT_START = ("LANG", "LC_", "LD_", "PYTHON")
"""How the names begin of what the interpreter reads when it starts: a process that is forked would miss it."""


class Commands:
    """The process that forks, started by the first command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def run(
        self, module: str, *arguments: str, stdin: str, environment: dict[str, str], cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a module as a program and wait for it, as subprocess.run does."""
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as messages:
            source, sink = os.pipe()
            with theirs:
                self._send([theirs.fileno(), source, output.fileno(), messages.fileno()])
            os.close(source)
            feeder = threading.Thread(target=_feed, args=(sink, stdin))
            feeder.start()
            ours.sendall(json.dumps([[module, *arguments], environment, str(cwd)]).encode() + b"\n")
            code = _wait(ours, timeout)
            feeder.join()
            if code is None:
                raise subprocess.TimeoutExpired(arguments, timeout)
            output.seek(0)
            messages.seek(0)
            return subprocess.CompletedProcess([module, *arguments], code, output.read(), messages.read())

    def _send(self, descriptors: list[int]) -> None:
        with self._lock:
            if self._control is None:
                self._control = _start()
            socket.send_fds(self._control, [b"."], descriptors)


def _start() -> socket.socket:
    """Start the process and give what ends it when it is closed."""
    ours, theirs = socket.socketpair()
    program = [sys.executable, "-m", "tests.commands"]
    with theirs:
        process = subprocess.Popen(program, cwd=ROOT, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _feed(sink: int, text: str) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(sink, "w") as file:
        file.write(text)


def _wait(connection: socket.socket, timeout: float) -> int | None:
    """Wait for a command's exit code; one that takes too long is killed, and its code is None."""
    with connection.makefile("r") as lines:
        pid = int(lines.readline())
        killer = threading.Timer(timeout, os.kill, (pid, signal.SIGKILL))
        killer.start()
        try:
            began = time.monotonic()
            code = int(lines.readline())
        finally:
            killer.cancel()
    return None if code == -signal.SIGKILL and time.monotonic() - began >= timeout else code


def _serve() -> None:
    """Fork for each request until nobody is left to ask; return in the process of a command only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as ours, it is for the tests to handle
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as control:
        while True:
            byte, descriptors, _, _ = socket.recv_fds(control, 1, 4)
            if not byte:
                os._exit(0)
            if os.fork() == 0:
                break
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            for descriptor in descriptors:
                os.close(descriptor)
    connection, *streams = descriptors
    _attend(socket.socket(fileno=connection), streams)


def _attend(connection: socket.socket, streams: list[int]) -> None:
    """Fork once more, become the command there, and tell here how it ends."""
    with connection.makefile("r") as lines:
        arguments, environment, folder = json.loads(lines.readline())
    pid = os.fork()
    if pid:
        connection.sendall(f"{pid}\n".encode())
        for descriptor in (0, *streams):
            os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    connection.close()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = arguments


if __name__ == "__main__":
    _serve()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
