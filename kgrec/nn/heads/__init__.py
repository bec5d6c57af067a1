"""Scenario heads: each adapts the shared user vector to a scenario, behind one contract."""

from __future__ import annotations

from importlib import import_module
from typing import get_args

from kgrec.config.heads import HeadName
from kgrec.nn.heads.adapter import AdapterHead
from kgrec.nn.heads.base import ByScenario, HeadShape, ScenarioHead, grown, own_parameters
from kgrec.nn.heads.none import NoHead


def _head_class(name: str) -> type[ScenarioHead]:
    """The one subclass of ScenarioHead that module ``kgrec.nn.heads.NAME`` defines."""
    module = import_module(f"{__name__}.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ScenarioHead)
        and value.__module__ == module.__name__
    )
    return found


HEADS: dict[str, type[ScenarioHead]] = {name: _head_class(name) for name in get_args(HeadName)}

__all__ = [
    "HEADS",
    "AdapterHead",
    "ByScenario",
    "HeadShape",
    "NoHead",
    "ScenarioHead",
    "grown",
    "own_parameters",
]
