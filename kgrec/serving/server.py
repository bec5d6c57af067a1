"""Running the service: its folder, its lock, its address."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from graph_schema.disk.locks import held
from kgrec.errors import ServiceError, reason
from kgrec.serving.access import is_loopback
from kgrec.serving.config import ServiceConfig
from kgrec.serving.registry import Root
from kgrec.serving.service import Service
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.verbs.lists import warm
from kgrec.serving.web.app import make_app

_SWITCH = 0.001  # seconds after which a thread that computes lets another go on
_GRACE = 10  # seconds in which requests may end when the service stops


def serve(
    root: Root,
    config: ServiceConfig,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    store: OpenedStore | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Answer until the process is asked to stop.

    Parameters
    ----------
    root : Root
        The folder of the service; one process at a time may serve it.
    config : ServiceConfig
        Its limits.
    host, port : str, int
        Where it listens; port 0 chooses a free one.
    certificate, key : Path, optional
        Files for TLS.
    store : OpenedStore, optional
        The graph that models are trained on: records are written into it, what others write there
        is followed, and ``/v1/cypher`` reads it.
    started : callable, optional
        Called with the address once it listens.

    Raises
    ------
    ServiceError
        Where another process serves the folder, the address is taken, or one that other machines
        reach is to be served without keys.
    """
    sys.setswitchinterval(_SWITCH)
    with _alone(root):
        service = Service(root, config, warm, store)
        if not len(service.keys) and not is_loopback(host):
            raise ServiceError(
                f"{host} can be reached by other machines, and there are no keys; make one with "
                f"kgrec keys add, or serve on 127.0.0.1."
            )
        service.load()
        with _listening(host, port) as listener:
            address = _address(listener, certificate is not None)
            server = uvicorn.Server(
                uvicorn.Config(
                    make_app(service),
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
            if started is not None:
                started(address)
            server.run(sockets=[listener])


@contextmanager
def _alone(root: Root) -> Iterator[None]:
    try:
        with held(root.folder):
            yield
    except BlockingIOError as error:
        raise ServiceError(
            f"{root.folder}: another process serves this folder; stop it, or use another folder."
        ) from error


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"{host}:{port} can't be used ({reason(error)}); choose another with --port."
        ) from error
    with listener:
        listener.listen(1024)
        yield listener


def _address(listener: socket.socket, secure: bool) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"
