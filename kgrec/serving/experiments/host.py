"""What experiments need of the service that runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from kgrec.serving.event_log import EventLog, Record
from kgrec.serving.experiments.shadow import ShadowLike
from kgrec.serving.metrics import Metrics
from kgrec.serving.registry import ModelEntry, Registry, Root


class Loaded(Protocol):
    """A model in memory; ``erasure`` is when people were erased from its folder last."""

    @property
    def entry(self) -> ModelEntry: ...

    @property
    def erasure(self) -> int | None: ...


S = TypeVar("S", bound=Loaded)


class Host(Protocol[S]):
    """A service, as ``Service`` describes it."""

    trouble: str
    metrics: Metrics
    root: Root
    log: EventLog
    stopping: bool
    is_first: bool

    @property
    def served(self) -> S: ...

    @property
    def at_once(self) -> int: ...

    @property
    def registry(self) -> Registry: ...

    def load_beside(self, entry: ModelEntry) -> S: ...

    async def loaded_beside(self, entry: ModelEntry) -> S: ...

    async def repeat(
        self, seconds: float, step: Callable[[], Awaitable[None]], work: str
    ) -> None: ...

    async def tell(self, name: str, **arguments: Any) -> list[Any]: ...

    def new_shadow(self, share: float, model: str) -> ShadowLike: ...

    async def store(self, records: Sequence[Record]) -> int: ...

    def release(self, models: list[S]) -> None: ...

    async def grow(self) -> None: ...
