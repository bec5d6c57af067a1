"""The recogniser in a recommender's folder: its arrays, and its scenarios as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from kgrec.scenarios.recogniser import Recogniser
from kgrec.scenarios.recogniser_fit import ScenarioSigns

_ARRAYS, _NAMES = "recogniser.safetensors", "recogniser.json"
_TABLES = ("attributes", "hours", "sharpness")


def write_recogniser(recogniser: ScenarioSigns, folder: Path) -> None:
    """Write the recogniser's arrays and scenario names into ``folder``."""
    tables = {name: np.ascontiguousarray(getattr(recogniser, name)) for name in _TABLES}
    save_file({**recogniser.model.arrays(), **tables}, folder / _ARRAYS)
    (folder / _NAMES).write_text(json.dumps({"scenarios": recogniser.names.tolist()}))


def read_recogniser(folder: Path) -> ScenarioSigns | None:
    """The recogniser that ``write_recogniser`` wrote; None without one."""
    if not (folder / _NAMES).exists():
        return None
    arrays = load_file(folder / _ARRAYS)
    names = np.array(json.loads((folder / _NAMES).read_text())["scenarios"], dtype=object)
    tables = {name: arrays[name] for name in _TABLES}
    return ScenarioSigns(names=names, model=Recogniser.of_arrays(arrays), **tables)
