"""Many texts as one vector: attention over what they say, how recent they are, how they rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.arrays import row_numbers
from kgrec.features.review_features import SIGNS, ReviewRows

_STRONGEST = 6.0  # of a logit: e⁶, what one text can count for in others


@dataclass(frozen=True, eq=False)
class ReviewInputs:
    """``ReviewRows`` on a device: ``first`` int64 ``[n]`` the first entry of each item, ``item``,
    ``row`` (of ``vectors``, float32 ``[e, size]``) and ``user`` int64 ``[r]``, ``signs`` float32
    ``[r, SIGNS]``; ``rated`` float32 ``[e, RATING_SIGNS]``. Where ``kept`` (float32 ``[r]``) is
    zero the review is not read."""

    first: Tensor
    item: Tensor
    row: Tensor
    user: Tensor
    signs: Tensor
    rated: Tensor
    vectors: Tensor
    kept: Tensor | None = None

    @staticmethod
    def build(rows: ReviewRows, vectors: Tensor) -> ReviewInputs:
        owner = row_numbers(rows.indptr)
        parts = (rows.indptr[:-1], owner, rows.row, rows.user, rows.signs, rows.rated)
        first, item, row, user, signs, rated = (
            torch.as_tensor(part, device=vectors.device) for part in parts
        )
        return ReviewInputs(first, item, row, user, signs, rated, vectors)

    @cached_property
    def telling(self) -> Tensor:
        """bool ``[r]``: whether a review has words, a vector that isn't zero."""
        return (self.vectors != 0).any(dim=1)[self.row]

    def of_item(self, item: int) -> ReviewInputs:
        """A single item's, as item 0's; its ``vectors`` and ``rated`` are in the order of rows."""
        mine = torch.nonzero(self.item == item).squeeze(1)
        known, row = torch.unique(self.row[mine], return_inverse=True)
        return ReviewInputs(
            first=torch.zeros(1, dtype=torch.int64, device=row.device),
            item=torch.zeros_like(row),
            row=row,
            user=self.user[mine],
            signs=self.signs[mine],
            rated=self.rated[known],
            vectors=self.vectors[known],
        )

    def without(self, users: np.ndarray) -> tuple[ReviewInputs, Tensor]:
        """Without what ``users`` (int64) wrote, and which items have reviews left that say
        something, float32 ``[n, 1]``."""
        written = self._written_by(users)
        kept = (~written).float()
        left = torch.zeros(len(self.first), device=kept.device)
        left[self.item[~written & self.telling]] = 1.0
        return replace(self, kept=kept), left.unsqueeze(1)

    def _written_by(self, users: np.ndarray) -> Tensor:
        """bool ``[r]``; by a table, as torch.isin would sort all reviews in every step."""
        last = max(int(self.user.max()) if len(self.user) else -1, int(users.max(initial=-1)))
        theirs = np.zeros(last + 2, dtype=bool)  # -1, who is unknown, has the last place
        theirs[users] = True
        return torch.as_tensor(theirs, device=self.user.device)[self.user]


class ReviewPooling(nn.Module):
    """r_i = Σ exp(a_j) v_j over the item's reviews, at unit length: softmax attention (Bahdanau et
    al., 2015), whose sum of weights falls out with the length. The logit a_j is linear in the
    review's vector and signs, and starts at zero: all reviews alike."""

    def __init__(self, text_size: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.zeros(text_size))
        self.signs = nn.Parameter(torch.zeros(SIGNS))

    def logits(self, reviews: ReviewInputs) -> Tensor:
        """a, float32 ``[r]``."""
        said = (reviews.vectors @ self.asked)[reviews.row] + reviews.signs @ self.signs
        return _STRONGEST * torch.tanh(said / _STRONGEST)

    def forward(self, reviews: ReviewInputs) -> Tensor:
        """float32 ``[n, size]``; zero for an item without reviews."""
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
