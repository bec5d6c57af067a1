"""Work that is the same in every session: the caller's global settings neither change it nor are
changed by it.

A session may have a default dtype or device of its own in PyTorch, compute without gradients or in
mixed precision, or turn NumPy's rounding into errors. kgrec works as if none of it was set; where
something is, it is set aside while a method runs and is as before afterwards, errors included.
Gradients, mixed precision, the default device and NumPy's errors belong to a thread; the default
dtype belongs to the whole process, so other threads see float32 while such a method runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, wraps
from threading import Lock
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
import torch

_P = ParamSpec("_P")
_R = TypeVar("_R")
_C = TypeVar("_C", bound=type)
_CPU = torch.device("cpu")
_MIXED: Final = ("cpu", "cuda")  # devices with mixed precision
_ERRORS: Final[dict[str, Any]] = {  # NumPy's own settings
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}


class _Float32:
    """float32 as the default dtype while any thread is inside, and then the former one again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._former = torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._former = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.set_default_dtype(self._former)


_float32 = _Float32()


def _is_plain() -> bool:
    """Whether nothing is set, which takes less time to see than to set all aside."""
    made = torch.empty(0)
    return (
        made.dtype is torch.float32
        and made.device == _CPU
        and torch.is_grad_enabled()
        and not _float32._inside
        and not any(map(torch.is_autocast_enabled, _MIXED))
        and not made.is_inference()
        and np.geterr() == _ERRORS
    )


@contextmanager
def plain_session() -> Iterator[None]:
    """Compute as in a session where nothing was set."""
    with ExitStack() as stack:
        stack.enter_context(np.errstate(**_ERRORS))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        if torch.get_default_dtype() is not torch.float32 or _float32._inside:
            stack.enter_context(_float32)
        if torch.get_default_device() != _CPU:
            stack.enter_context(_CPU)
        for kind in _MIXED:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def in_plain_session(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, run in a plain session."""

    @wraps(function)
    def run(*arguments: _P.args, **keywords: _P.kwargs) -> _R:
        if _is_plain():
            return function(*arguments, **keywords)
        with plain_session():
            return function(*arguments, **keywords)

    return run


def with_plain_sessions(kind: _C) -> _C:
    """The class, each of whose public methods and cached values runs in a plain session."""
    for name, value in list(vars(kind).items()):
        if name.startswith("_"):
            continue
        wrapped: Any = None
        if inspect.isfunction(value):
            wrapped = in_plain_session(value)
        elif isinstance(value, classmethod):
            wrapped = classmethod(in_plain_session(value.__func__))
        elif isinstance(value, cached_property):
            value.func = in_plain_session(value.func)
        if wrapped is not None:
            setattr(kind, name, wrapped)
    return kind
