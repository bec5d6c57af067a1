"""TrainingRun: what is known of one training, as names and values that runs are compared by."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kgrec.model_card.facts import Settings, plain_settings
from kgrec.recommender import Recommender
from kgrec.state import FittedState
from kgrec.tracking.fingerprint import DataFingerprint
from kgrec.training import METRIC

_OF_AN_EPOCH = ("epoch", "seconds")


@dataclass(frozen=True)
class TrainingRun:
    """One training.

    Attributes
    ----------
    name : str
    settings : dict of str to str
        All settings that the fit ended with, and what it chose itself ("chosen.…"), as text.
    epochs : tuple of dict
        A record for each: "epoch", "loss", "seconds" and validation metrics; those of the rating
        model begin with "ratings/".
    figures : dict of str to float
        The validation metrics of the model that was kept.
    notes : tuple of str
        How settings were chosen.
    data : DataFingerprint
    """

    name: str
    settings: dict[str, str]
    epochs: tuple[dict[str, float], ...]
    figures: dict[str, float]
    notes: tuple[str, ...]
    data: DataFingerprint

    @staticmethod
    def of(model: Recommender, name: str) -> TrainingRun:
        """That of a fitted or loaded recommender. Raises NotFittedError."""
        state = model.state
        chosen = {} if state.origin is None else {"chosen": asdict(state.origin)}
        named = {**plain_settings(state.config.model_dump(mode="json")), **plain_settings(chosen)}
        return TrainingRun(
            name=name,
            settings={key: _text(value) for key, value in named.items()},
            epochs=tuple(_epochs(state)),
            figures=_figures(state),
            notes=Settings.of(state.config, _like_manifest(state)).evidence,
            data=DataFingerprint.of(state.full_snapshot),
        )

    def metrics(self) -> Iterator[tuple[str, float, int]]:
        """The name, value and epoch of every finite figure of the epochs."""
        for record in self.epochs:
            for name, value in record.items():
                if name != "epoch" and math.isfinite(value):
                    yield name, float(value), int(record["epoch"])


def _epochs(state: FittedState) -> Iterator[dict[str, float]]:
    yield from _numbered(state.training_log, "")
    yield from _numbered(state.rating_log, "ratings/")


def _numbered(log: list[dict[str, float]], start: str) -> Iterator[dict[str, float]]:
    for number, record in enumerate(log, 1):
        found = {
            f"{start}{name}": value
            for name, value in record.items()
            if name != "epoch" and isinstance(value, int | float) and not isinstance(value, bool)
        }
        yield {"epoch": record.get("epoch", number), **found}


def _figures(state: FittedState) -> dict[str, float]:
    """The metrics of the epoch that validation chose, and with the item–item weights."""
    found = [record for record in state.training_log if METRIC in record]
    best: Mapping[str, float] = max(found, key=lambda one: one[METRIC], default={})
    figures = {
        name: float(value)
        for name, value in best.items()
        if name not in _OF_AN_EPOCH and isinstance(value, int | float)
    }
    weights = None if state.origin is None else state.origin.item_weights
    if weights is not None and math.isfinite(weights.ndcg):
        figures[f"{METRIC}/with item weights"] = float(weights.ndcg)
    return figures


def _like_manifest(state: FittedState) -> dict[str, Any]:
    files = [] if state.engine.weights is None else ["item_weights.safetensors"]
    return {"history": state.training_log, "tuning": state.trials, "files": files}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
