"""The recogniser in a recommender's folder: its arrays, and its scenarios as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from graph_schema.disk.files import read_json
from kgrec.scenarios.fitted_recogniser import FittedRecogniser
from kgrec.scenarios.recogniser import Recogniser

FILES = _ARRAYS, _NAMES = "recogniser.safetensors", "recogniser.json"
# Fields of FittedRecogniser by the names of their arrays in the file.
_TABLES = {"attributes": "attributes", "hours": "hours", "sharpness": "text_scales"}


def write_recogniser(recogniser: FittedRecogniser, folder: Path) -> None:
    """Write the recogniser's arrays and scenario names into ``folder``."""
    tables = {
        name: np.ascontiguousarray(getattr(recogniser, field)) for name, field in _TABLES.items()
    }
    save_file({**recogniser.model.arrays(), **tables}, folder / _ARRAYS)
    (folder / _NAMES).write_text(
        json.dumps({"scenarios": recogniser.names.tolist()}), encoding="utf-8"
    )


def read_recogniser(folder: Path) -> FittedRecogniser | None:
    """The recogniser that ``write_recogniser`` wrote; None without one."""
    if not (folder / _NAMES).exists():
        return None
    arrays = load_file(folder / _ARRAYS)
    names = np.array(read_json(folder / _NAMES)["scenarios"], dtype=object)
    tables = {field: arrays[name] for name, field in _TABLES.items()}
    return FittedRecogniser(names=names, model=Recogniser.of_arrays(arrays), **tables)
