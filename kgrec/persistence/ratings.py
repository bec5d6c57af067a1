"""The rating model in a recommender's folder: its weights, and its shape as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from graph_schema.disk.files import read_json
from kgrec.features.tables import Vocabulary
from kgrec.ratings.attributes.taste import AttributeTaste
from kgrec.ratings.blend import RatingBlend
from kgrec.ratings.like_blend import LikeBlend
from kgrec.ratings.model import RatingModel, RatingShape
from kgrec.ratings.scale import RatingScale
from kgrec.scoring.context.rating_effects import ContextPenalty
from kgrec.text.sentiment import Sentiment

FILES = _WEIGHTS, _SHAPE = "ratings.safetensors", "ratings.json"
_BLEND, _SENTIMENT, _CONTEXT = "blend", "blend.sentiment", "context"
_LIKES = "like_blend"
_TASTE, _CROSS, _TOKENS = "taste", "blend.taste.cross", "blend.taste.items"
# Fields of the blend by their names in the file.
_NUMBERS = {"mean": "mean", "worth": "shrinkage", "shift": "shift", "weights": "weights"}
_SHRINKAGE, _SAVED_SHRINKAGE = "shrinkage", "worth"  # a parameter of the model, and its saved name


def write_rating_model(model: RatingModel, folder: Path) -> None:
    """Write the model's weights and shape into ``folder``."""
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    weights[_SAVED_SHRINKAGE] = weights.pop(_SHRINKAGE)
    shape: dict[str, Any] = asdict(model.shape)
    if (blend := model.blend) is not None:
        shape[_BLEND] = {name: getattr(blend, field) for name, field in _NUMBERS.items()}
        if blend.sentiment is not None:
            weights[_SENTIMENT] = torch.as_tensor(blend.sentiment.weights)
        if (taste := blend.taste) is not None:
            shape[_BLEND][_TASTE] = {"own": taste.own, "shrinkage": taste.shrinkage}
            weights[_CROSS] = torch.as_tensor(taste.cross)
            weights[_TOKENS] = torch.as_tensor(taste.items)
    if model.like_blend is not None:
        shape[_LIKES] = asdict(model.like_blend)
    if model.context is not None:
        shape[_CONTEXT] = asdict(model.context)
    save_file(weights, folder / _WEIGHTS)
    (folder / _SHAPE).write_text(json.dumps(shape), encoding="utf-8")


def read_rating_model(
    folder: Path, vocabulary: Vocabulary, device: torch.device
) -> RatingModel | None:
    """The model that ``write_rating_model`` wrote; None without one."""
    if not (folder / _SHAPE).exists():
        return None
    shape = read_json(folder / _SHAPE)
    scale = {name: _tuple(value) for name, value in shape["scale"].items()}
    blend, context = shape.pop(_BLEND, None), shape.pop(_CONTEXT, None)
    likes = shape.pop(_LIKES, None)
    plain = {name: _tuple(value) for name, value in shape.items() if name != "scale"}
    model = RatingModel(vocabulary, RatingShape(**plain, scale=RatingScale(**scale)))
    weights = load_file(folder / _WEIGHTS)
    heads = weights.pop(_SENTIMENT, None)
    cross, tokens = weights.pop(_CROSS, None), weights.pop(_TOKENS, None)
    weights[_SHRINKAGE] = weights.pop(_SAVED_SHRINKAGE)
    model.load_state_dict(weights)
    if blend is not None:
        taste = blend.pop(_TASTE, None)
        if taste is not None and cross is not None and tokens is not None:
            taste = AttributeTaste(cross.numpy(), tokens.numpy(), **taste)
        numbers = {_NUMBERS[name]: _tuple(value) for name, value in blend.items()}
        sentiment = None if heads is None else Sentiment(heads.numpy())
        model.blend = RatingBlend(**numbers, sentiment=sentiment, taste=taste)
    if likes is not None:
        model.like_blend = LikeBlend(_tuple(likes["scored"]), _tuple(likes["others"]))
    if context is not None:
        model.context = ContextPenalty(tuple(context["columns"]), context["penalty"])
    return model.to(device).eval()


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
