"""A TCP proxy that can be cut, to lose a server half-way through a call."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Passes bytes between a local port and a server, until ``cut_after`` bytes went up."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._left: int | None = None
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, n_bytes: int) -> None:
        """Let ``n_bytes`` more through to the server, then drop every connection and take none."""
        self._left = n_bytes

    def mend(self) -> None:
        """Let everything through again."""
        self._left = None

    def close(self) -> None:
        self._listener.close()
        self._drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._left is not None and self._left <= 0:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open += [client, server]
                for source, sink, up in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, up), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if up and self._left is not None:
                    self._left -= len(data)
                    if self._left <= 0:
                        self._drop()
                        return
                sink.sendall(data)

    def _drop(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open = []


@contextmanager
def proxy_to(uri: str) -> Iterator[Proxy]:
    """A proxy in front of the server at ``bolt://host:port``."""
    host, _, port = uri.rpartition("//")[2].rpartition(":")
    proxy = Proxy(host, int(port))
    try:
        yield proxy
    finally:
        proxy.close()
