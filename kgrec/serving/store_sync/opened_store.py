"""OpenedStore: a graph store that is opened when it is needed, as a server may be down at first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from kgrec.errors import StoreError
from kgrec.stores.base import GraphStore


class KeptStore(Protocol):
    """What a service asks of the task that keeps its store and its log alike."""

    async def run(self) -> None:
        """Work until the service stops."""

    async def stop(self) -> None:
        """Wait a while for what is done now."""

    def status(self) -> dict[str, Any]:
        """How the store and the log differ, for ``/v1/status``."""

    def measure(self) -> None:
        """Set the gauges of the store to what is so now."""

    async def erase(self, users: Sequence[str]) -> dict[str, Any]:
        """Erase people from the store. Returns the place for a receipt. Raises KgrecError."""


class OpenedStore:
    """A store, and how it is opened.

    Parameters
    ----------
    address : str
        Its file or address, without a password.
    opener : callable
        Opens it; raises StoreError where that can't be done now.
    """

    def __init__(self, address: str, opener: Callable[[], GraphStore]) -> None:
        self.address, self._opener = address, opener
        self._store: GraphStore | None = None
        self._lock = threading.Lock()

    @staticmethod
    def of(store: GraphStore) -> OpenedStore:
        """A store that is open already."""
        return OpenedStore(store.uri, lambda: store)

    def get(self) -> GraphStore:
        """The open store. Raises StoreError."""
        with self._lock:
            if self._store is None:
                self._store = self._opener()
            return self._store

    def close(self) -> None:
        """Close it, where it was opened."""
        with self._lock:
            if self._store is not None:
                with suppress(StoreError):
                    self._store.close()
                self._store = None
