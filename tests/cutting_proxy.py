"""A proxy in front of a server's socket that loses one answer: the server has committed, and the client never knows."""

from __future__ import annotations

import select
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

READY = b"Z\x00\x00\x00\x05I"
"""ReadyForQuery, outside of a transaction: the end of an answer, which the server gives after the commit."""


class CuttingProxy(socketserver.ThreadingUnixStreamServer):
    """Passes on what both sides say, until a statement with `text` in it: its answer is lost, with the connection."""

    def __init__(self, server: Path, socket_file: Path, text: bytes, meanwhile: Callable[[], None]) -> None:
        super().__init__(str(socket_file), _Connection)
        self.server = server
        self.text = text
        self.meanwhile = meanwhile
        self.cuts = 0


class _Connection(socketserver.BaseRequestHandler):
    server: CuttingProxy
    request: socket.socket

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(self.server.server))
            losing = False
            while True:
                readable, _, _ = select.select([self.request, upstream], [], [])
                for source in readable:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if source is self.request:
                        losing = losing or (self.server.cuts == 0 and self.server.text in data)
                        upstream.sendall(data)
                    elif not losing:
                        self.request.sendall(data)
                    elif data.endswith(READY):
                        self.server.cuts += 1
                        self.server.meanwhile()
                        return


@contextmanager
def cutting_proxy(url: str, text: str, meanwhile: Callable[[], None]) -> Iterator[tuple[str, CuttingProxy]]:
    """Start a proxy; give the URL that leads through it to a database, and the proxy, which counts its cuts.

    text: what the statement has in it whose answer is lost, once. meanwhile: is called before the client notices.
    """
    parts = {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    server = Path(parts["host"])
    with tempfile.TemporaryDirectory(prefix="proxy-", dir=server.parent) as name:
        proxy = CuttingProxy(
            server / f".s.PGSQL.{parts['port']}", Path(name) / ".s.PGSQL.5432", text.encode(), meanwhile
        )
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(name, safe='')}&port=5432", proxy
        finally:
            proxy.shutdown()
            thread.join()
            proxy.server_close()
