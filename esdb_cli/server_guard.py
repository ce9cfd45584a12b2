"""Ends a temporary server whose program is gone: killed, it could not do so itself."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# Waits for a line. The end of the input instead means that whoever would have written it has died. The server's
# process is known by the folder among its arguments, so no other process is ever hit.
_SCRIPT: Final = """
read -r _ && exit
pid=$(head -n 1 "$FOLDER/data/postmaster.pid" 2>/dev/null)
ours() { [ -n "$pid" ] && ps -p "$pid" -o args= 2>/dev/null | grep -qF "$FOLDER"; }
ours && kill -QUIT "$pid"
tries=0
while ours && [ "$tries" -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
ours && kill -KILL "$pid"
rm -rf "$FOLDER"
"""


class Guard:
    """A process of its own, in a session of its own, that outlives ours and removes the server with its folder."""

    def __init__(self, folder: Path) -> None:
        """Watch over the server whose data is in `folder`/data."""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "esdb-server-guard"],
            env={**os.environ, "FOLDER": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def release(self) -> None:
        """Let it go: the server and its folder are gone. May be called again."""
        if self._process.poll() is None:
            self._process.communicate(b"released\n")
