"""Where a process of a service listens, and the server that answers there."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import uvicorn

from kgrec.errors import ServiceError, reason

_GRACE = 10  # seconds in which requests may end when the service stops
WAITING = 1_024  # connections that are not accepted yet


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket with an address, which does not listen yet.

    ``shared``: other processes of this user may have the same address; each gets a part of the
    connections. Raises ServiceError where the address can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"{host}:{port} can't be used ({reason(error)}); choose another with --port."
        ) from error
    return listener


def address_of(listener: socket.socket, secure: bool) -> str:
    """The address of a socket, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"


def server_of(app: Any, certificate: Path | None, key: Path | None) -> uvicorn.Server:
    """What answers with an application; files for TLS are optional."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=30,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            lifespan="on",
        )
    )
