"""Erasing people from stores, models, services, logs and caches, and keeping them out.

::

    from kgrec import erase
    receipt = erase(["7", "8"], stores=["catalog.kgl"], models=["model"])
    print(receipt.to_json())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgrec.erasure.erasing import erase, lift
    from kgrec.erasure.fitted import erased_state
    from kgrec.erasure.receipt import Receipt

__all__ = ["Receipt", "erase", "erased_state", "lift"]

_HOMES = {"Receipt": "receipt", "erase": "erasing", "erased_state": "fitted", "lift": "erasing"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kgrec.erasure' has no attribute {name!r}")
    value = getattr(import_module(f"kgrec.erasure.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
