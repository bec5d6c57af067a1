"""Running the service: its folder, its lock, its address."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from graph_schema.disk.locks import held
from kgrec.errors import ServiceError
from kgrec.serving.access import is_loopback
from kgrec.serving.config import ServiceConfig
from kgrec.serving.processes.listening import WAITING, address_of, bound, server_of
from kgrec.serving.processes.workers import Workers
from kgrec.serving.registry import Root
from kgrec.serving.service import Service
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.verbs.lists import warm
from kgrec.serving.web.app import make_app

_SWITCH = 0.001  # seconds after which a thread that computes lets another go on


def serve(
    root: Root,
    config: ServiceConfig,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    processes: int = 1,
    certificate: Path | None = None,
    key: Path | None = None,
    store: OpenedStore | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Answer until the process is asked to stop.

    Parameters
    ----------
    root : Root
        The folder of the service; one process at a time may serve it, and its workers.
    config : ServiceConfig
        Its limits.
    host, port : str, int
        Where it listens; port 0 chooses a free one.
    processes : int
        How many processes answer: this one, and workers.
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
    with _alone(root), _workers(processes) as workers:
        service = Service(root, config, warm, store, workers)
        if not len(service.keys) and not is_loopback(host):
            raise ServiceError(
                f"{host} can be reached by other machines, and there are no keys; make one with "
                f"kgrec keys add, or serve on 127.0.0.1."
            )
        with bound(host, port, shared=workers is not None) as listener:
            if workers is not None:  # they load the model while this process does
                port = listener.getsockname()[1]
                workers.start(root.folder, config.model_dump(), host, port, certificate, key)
            service.load()
            listener.listen(WAITING)
            if started is not None:
                started(address_of(listener, certificate is not None))
            server_of(make_app(service), certificate, key).run(sockets=[listener])


@contextmanager
def _alone(root: Root) -> Iterator[None]:
    try:
        with held(root.folder):
            yield
    except BlockingIOError as error:
        raise ServiceError(
            f"{root.folder}: another process serves this folder; stop it, or use another folder."
        ) from error


def _workers(processes: int) -> closing[Workers] | nullcontext[None]:
    return closing(Workers(processes - 1)) if processes > 1 else nullcontext()
