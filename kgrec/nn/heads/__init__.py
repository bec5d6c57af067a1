"""Scenario heads: each adapts the shared user vector to a scenario, behind one contract."""

from __future__ import annotations

from kgrec.nn.heads.adapter import AdapterHead
from kgrec.nn.heads.base import ScenarioHead
from kgrec.nn.heads.none import NoHead

HEADS: dict[str, type[ScenarioHead]] = {"none": NoHead, "adapter": AdapterHead}

__all__ = ["HEADS", "AdapterHead", "NoHead", "ScenarioHead"]
