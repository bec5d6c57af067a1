"""The stages of a fit: search settings, choose on validation rows, train again on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kgrec.config import RecommenderConfig
from kgrec.features.texts import TextFeatures
from kgrec.fitting.fit import (
    Fitted,
    chooses_by_split,
    fingerprint,
    fit_engine,
    training_split,
)
from kgrec.fitting.hyperparameters import tuned
from kgrec.fitting.plan import settings_to_try
from kgrec.graph import GraphSnapshot
from kgrec.scenarios.recogniser_fit import check_reserved
from kgrec.support import Progress, choose_device, epoch_teller


@dataclass(frozen=True, eq=False)
class Stages:
    """What a fit ended with: its settings, the engine that was ``chosen`` on validation rows, the
    one to answer with, and the ``tries`` of the search."""

    config: RecommenderConfig
    chosen: Fitted
    fitted: Fitted
    tries: list[dict[str, Any]]


def fit_stages(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    encode: Callable[[GraphSnapshot], TextFeatures],
    *,
    seed: int,
    device: str | None,
    checkpoint: Path | None,
    resume: bool,
    tune: int | None,
    progress: Progress | None,
) -> Stages:
    """Fit on a snapshot without test rows; see ``Recommender.fit``."""
    check_reserved(visible.scenarios.ids)
    held = training_split(visible, config, seed)
    train = visible.without(held, ("train",))
    valid = visible.interactions.select(held)
    texts = encode(train)
    fit = partial(
        fit_engine,
        seed=seed,
        device=choose_device(device),
        resume=resume,
        on_epoch=None if progress is None else epoch_teller(progress),
    )
    tries: list[dict[str, Any]] = []
    if tune is not None:
        config, tries = tuned(
            partial(fit, train, valid, texts),
            config,
            tune,
            data=fingerprint(train, valid, config, seed),
            seed=seed,
            folder=checkpoint,
            resume=resume,
            progress=progress,
        )
    settings = settings_to_try(train, valid, config) if tune is None else [config]
    fits = [
        fit(train, valid, texts, config=each, checkpoint=_beside(checkpoint, place))
        for place, each in enumerate(settings)
    ]
    best = max(range(len(fits)), key=lambda place: fits[place].ndcg)
    trained, chosen = settings[best], fits[best]
    fitted = chosen
    if config.training.refit and not chooses_by_split(visible) and held.any():
        again = None if checkpoint is None else checkpoint.with_name(checkpoint.name + ".refit")
        nothing = visible.interactions.select(np.zeros_like(held))
        fitted = fit(
            visible, nothing, encode(visible), config=trained, checkpoint=again, like=chosen
        )
    return Stages(config, chosen, fitted, tries)


def _beside(checkpoint: Path | None, place: int) -> Path | None:
    """The folder of the first fit, and those of others next to it."""
    if checkpoint is None or not place:
        return checkpoint
    return checkpoint.with_name(f"{checkpoint.name}.{place}")
