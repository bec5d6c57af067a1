"""How much one user can change the item–item weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgrec.differential_privacy.refusal import check_not_private
from kgrec.feedback.weights import liked_matrix
from kgrec.training.item_weights import squared_lengths, user_factors

if TYPE_CHECKING:
    from kgrec.state import FittedState


@dataclass(frozen=True)
class Influence:
    """Shares of the trace of the items' Gram matrix, to which each user adds ‖x‖².

    Attributes
    ----------
    users : int
        Users with events.
    capped : int
        Users whose events are scaled down.
    longest : float
        The largest ‖x‖² of a user: with weights of 1, a number of items.
    largest_share : float
        The largest share of one user.
    share_without_cap : float
        The same without ``training.user_cap``.
    """

    users: int
    capped: int
    longest: float
    largest_share: float
    share_without_cap: float


def influence(state: FittedState) -> Influence:
    """What one user can change in the item–item weights of a model fitted on the graph of
    ``state``.

    Raises RequestError for a differentially private model, where no user counts more than another.
    """
    check_not_private(state.engine.private, "the influence of single users")
    snapshot, feedback = state.snapshot, state.engine.model.shape.feedback
    shape = (len(snapshot.users), len(snapshot.items))
    events = snapshot.interactions
    history = liked_matrix(feedback, events, events.item, shape)
    squared = squared_lengths(history)
    factors = user_factors(history, state.config.training.user_cap)
    capped = squared if factors is None else squared * factors.astype(np.float64) ** 2
    return Influence(
        users=int((squared > 0).sum()),
        capped=0 if factors is None else int((factors < 1).sum()),
        longest=float(squared.max(initial=0.0)),
        largest_share=_largest(capped),
        share_without_cap=_largest(squared),
    )


def _largest(values: np.ndarray) -> float:
    total = float(values.sum())
    return float(values.max()) / total if total else 0.0
