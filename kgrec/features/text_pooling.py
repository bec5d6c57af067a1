"""Pooling of an item's reviews: attention over their vectors, their age and their ratings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.arrays import row_numbers
from kgrec.features.review_features import REVIEW_FEATURES, ReviewRows

_STRONGEST = 6.0  # logit: one review counts e⁶ times as much as an average one at most


@dataclass(frozen=True, eq=False)
class ReviewInputs:
    """``ReviewRows`` of n items on a device.

    Attributes
    ----------
    first : int64 ``[n]``
        The position of each item's first review.
    item, row, user : int64 ``[r]``
        The item of each review, its row of ``vectors``, and its author (-1: unknown).
    numbers : float32 ``[r, REVIEW_FEATURES]``
    rated : float32 ``[e, RATING_FEATURES]``
    vectors : float32 ``[e, size]``
        The language model's vectors of reviews and other texts.
    kept : float32 ``[r]`` or None
        Zero where a review is not read; None: all are.
    """

    first: Tensor
    item: Tensor
    row: Tensor
    user: Tensor
    numbers: Tensor
    rated: Tensor
    vectors: Tensor
    kept: Tensor | None = None

    @staticmethod
    def build(rows: ReviewRows, vectors: Tensor) -> ReviewInputs:
        """Return the reviews on the device of ``vectors``."""
        owner = row_numbers(rows.indptr)
        parts = (rows.indptr[:-1], owner, rows.row, rows.user, rows.numbers, rows.rated)
        first, item, row, user, numbers, rated = (
            torch.as_tensor(part, device=vectors.device) for part in parts
        )
        return ReviewInputs(first, item, row, user, numbers, rated, vectors)

    @cached_property
    def has_words(self) -> Tensor:
        """bool ``[r]``: whether a review has words, that is a vector that isn't zero."""
        return (self.vectors != 0).any(dim=1)[self.row]

    def of_item(self, item: int) -> ReviewInputs:
        """Return one item's reviews, as those of item 0; ``vectors`` and ``rated`` go by row."""
        mine = torch.nonzero(self.item == item).squeeze(1)
        known, row = torch.unique(self.row[mine], return_inverse=True)
        return ReviewInputs(
            first=torch.zeros(1, dtype=torch.int64, device=row.device),
            item=torch.zeros_like(row),
            row=row,
            user=self.user[mine],
            numbers=self.numbers[mine],
            rated=self.rated[known],
            vectors=self.vectors[known],
        )

    def without(self, users: np.ndarray) -> tuple[ReviewInputs, Tensor]:
        """Return the reviews without those that ``users`` (int64 rows) wrote.

        Returns
        -------
        reviews : ReviewInputs
        left : float32 ``[n, 1]``
            One where an item has a review with words left.
        """
        written = self._written_by(users)
        kept = (~written).float()
        left = torch.zeros(len(self.first), device=kept.device)
        left[self.item[~written & self.has_words]] = 1.0
        return replace(self, kept=kept), left.unsqueeze(1)

    def _written_by(self, users: np.ndarray) -> Tensor:
        """bool ``[r]``; by a table, as torch.isin would sort all reviews in every step."""
        last = max(int(self.user.max()) if len(self.user) else -1, int(users.max(initial=-1)))
        written = np.zeros(last + 2, dtype=bool)  # -1, who is unknown, has the last place
        written[users] = True
        return torch.as_tensor(written, device=self.user.device)[self.user]


class ReviewPooling(nn.Module):
    """Softmax attention over an item's reviews (Bahdanau et al., ICLR 2015).

    r_i = Σ exp(a_j) v_j at unit length, so that the sum of the weights cancels. The logit a_j is
    linear in the review's vector and numbers, and starts at zero: all reviews count alike. The
    parameters are called ``asked`` and ``signs`` in saved models.
    """

    def __init__(self, text_size: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.zeros(text_size))
        self.signs = nn.Parameter(torch.zeros(REVIEW_FEATURES))

    def logits(self, reviews: ReviewInputs) -> Tensor:
        """Return a, float32 ``[r]``."""
        logits = (reviews.vectors @ self.asked)[reviews.row] + reviews.numbers @ self.signs
        return _STRONGEST * torch.tanh(logits / _STRONGEST)

    def forward(self, reviews: ReviewInputs) -> Tensor:
        """Return the pooled vectors, float32 ``[n, size]``; zero for items without reviews."""
        if not len(reviews.row):
            return reviews.vectors.new_zeros(len(reviews.first), reviews.vectors.shape[1])
        weights = torch.exp(self.logits(reviews))
        if reviews.kept is not None:
            weights = weights * reviews.kept
        total = functional.embedding_bag(
            reviews.row,
            reviews.vectors,
            reviews.first,
            mode="sum",
            per_sample_weights=weights,
        )
        return functional.normalize(total, dim=1)
