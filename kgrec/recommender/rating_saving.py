"""The rating model in a recommender's folder: its weights, and its shape as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from kgrec.graph.features import Vocabulary
from kgrec.nn.rating_model import RatingModel, RatingShape
from kgrec.nn.rating_scale import RatingScale

_WEIGHTS, _SHAPE = "ratings.safetensors", "ratings.json"


def write_rater(model: RatingModel, folder: Path) -> None:
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    save_file(weights, folder / _WEIGHTS)
    (folder / _SHAPE).write_text(json.dumps(asdict(model.shape)))


def read_rater(folder: Path, vocabulary: Vocabulary, device: torch.device) -> RatingModel | None:
    """What ``write_rater`` wrote, None where nothing was written."""
    if not (folder / _SHAPE).exists():
        return None
    told = json.loads((folder / _SHAPE).read_text())
    scale = {name: _tuple(value) for name, value in told["scale"].items()}
    plain = {name: _tuple(value) for name, value in told.items() if name != "scale"}
    model = RatingModel(vocabulary, RatingShape(**plain, scale=RatingScale(**scale)))
    model.load_state_dict(load_file(folder / _WEIGHTS))
    return model.to(device).eval()


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
