"""Names of the scenario heads: a setting's values, and the registry of ``kgrec.nn.heads``.

A new head is a file ``kgrec/nn/heads/NAME.py`` with one subclass of ``ScenarioHead``, and its name
in ``HeadName``. This file imports no torch, so that settings load quickly.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

HeadName: TypeAlias = Literal[
    "none",
    "adapter",
    "shared_bottom",
    "mmoe",
    "ple",
    "star",
    "pepnet",
    "hyper",
]
Head: TypeAlias = Literal["auto", HeadName]  # auto: chosen by fit from the data

# Heads whose class sets reads_scenario_features: texts are read before a model is built.
FEATURE_READERS: frozenset[Head] = frozenset({"hyper"})
