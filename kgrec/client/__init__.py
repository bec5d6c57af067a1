"""The client of a service (``kgrec serve``): ``Client``, and ``AsyncClient`` for asyncio.

Importing it loads neither torch nor pandas; a frame loads pandas.
"""

from kgrec.client.clients import AsyncClient, Client
from kgrec.client.errors import (
    BusyError,
    KeyRefusedError,
    ProblemError,
    RefusedError,
    UnreachableError,
)
from kgrec.client.exchange import Reply, Sent
from kgrec.client.retries import Retries
from kgrec.client.transports import AsyncTransport, Transport

__all__ = [
    "AsyncClient",
    "AsyncTransport",
    "BusyError",
    "Client",
    "KeyRefusedError",
    "ProblemError",
    "RefusedError",
    "Reply",
    "Retries",
    "Sent",
    "Transport",
    "UnreachableError",
]
