"""A scenario head on a frozen rating model, used only where validation loss improves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from kgrec.graph.snapshot import Ints
from kgrec.ratings.training import RatingStep, RatingTrainer

_EPOCHS, _ROWS, _LEARNING_RATE = 4, 4_096, 1e-3
_STANDARD_ERRORS = 2.0  # that a mean gain must exceed


def tune_head(
    trainer: RatingTrainer, losses: Callable[[], np.ndarray], scenario: Ints
) -> list[str]:
    """Train the model's head only, and use it in the scenarios where it clearly helps.

    ``losses`` returns the loss of every validation row, ``scenario`` int64 holds the rows' codes. A
    scenario uses the head if the mean gain of its rows exceeds two standard errors; the predictions
    of the others stay bit-identical. Returns the names of the scenarios that use the head.
    """
    model = trainer.model
    if not (trainer.task.scenario >= 0).any():
        return []
    before = losses()
    model.uses_head.fill_(True)
    _train(trainer)
    gain = before - losses()
    used = [_is_significant(gain[scenario == code]) for code in range(len(trainer.task.names))]
    model.uses_head.copy_(torch.tensor(used, dtype=torch.bool))
    return [name for name, use in zip(trainer.task.names, used, strict=True) if use]


def _is_significant(gain: np.ndarray) -> bool:
    if len(gain) < 2:
        return False
    return bool(gain.mean() > _STANDARD_ERRORS * gain.std(ddof=1) / np.sqrt(len(gain)))


def _train(trainer: RatingTrainer) -> None:
    model = trainer.model
    parameters = [*model.head.parameters(), *model.offsets.parameters()]
    whole = _all_ratings(trainer)
    for value in parameters:
        value.requires_grad_(True)
    optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=0.0, fused=True)
    rng = np.random.default_rng([trainer.seed, 1])
    rows = np.flatnonzero(whole.scenario.cpu().numpy() >= 0)
    n_steps = max(len(rows) // _ROWS, 1)
    for _ in range(_EPOCHS):
        for part in np.array_split(rng.permutation(rows), n_steps):
            trainer.step(_some(whole, torch.as_tensor(part).to(trainer.device)), optimizer)


def _all_ratings(trainer: RatingTrainer) -> RatingStep:
    """Every training rating as input of the finished model, without gradients."""
    trainer.model.eval()
    with torch.no_grad():
        steps = [trainer.read(users) for users in trainer.batches(np.random.default_rng(0))]
        joined: dict[str, Any] = {
            name: torch.cat([getattr(step, name) for step in steps])
            for name in ("item", "vectors", "bias", "scenario", "like", "rating")
        }
    return replace(steps[0], **joined)


def _some(step: RatingStep, rows: torch.Tensor) -> RatingStep:
    return replace(
        step,
        item=step.item[rows],
        vectors=step.vectors[rows],
        bias=step.bias[rows],
        scenario=step.scenario[rows],
        like=step.like[rows],
        rating=step.rating[rows],
    )
