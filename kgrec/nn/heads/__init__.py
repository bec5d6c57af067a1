"""Scenario heads: each adapts the shared user vector to a scenario, behind one contract."""

from __future__ import annotations

from kgrec.nn.heads.adapter import AdapterHead
from kgrec.nn.heads.base import ByScenario, HeadShape, ScenarioHead, grown, own_parameters
from kgrec.nn.heads.hyper import HyperHead
from kgrec.nn.heads.mmoe import MMoEHead
from kgrec.nn.heads.none import NoHead
from kgrec.nn.heads.pepnet import PEPNetHead
from kgrec.nn.heads.ple import PLEHead
from kgrec.nn.heads.shared_bottom import SharedBottomHead
from kgrec.nn.heads.star import StarHead

HEADS: dict[str, type[ScenarioHead]] = {
    "none": NoHead,
    "adapter": AdapterHead,
    "shared_bottom": SharedBottomHead,
    "mmoe": MMoEHead,
    "ple": PLEHead,
    "star": StarHead,
    "pepnet": PEPNetHead,
    "hyper": HyperHead,
}

__all__ = [
    "HEADS",
    "AdapterHead",
    "ByScenario",
    "HeadShape",
    "HyperHead",
    "MMoEHead",
    "NoHead",
    "PEPNetHead",
    "PLEHead",
    "ScenarioHead",
    "SharedBottomHead",
    "StarHead",
    "grown",
    "own_parameters",
]
