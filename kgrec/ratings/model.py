"""RatingModel: predicts from a user's ratings whether the user will like an item, and the rating.

    logit(u, i) = b + b_i + b_u + (H_k(z + mlp(z)) + s_k) · v_i + b_k
    z = Σ_j q[j, r_uj] / √(n + κ) + Σ_τ g_τ ⊙ Σ_j w_τ q[j, r_uj] / √(1 + Σ w_τ) + attributes + c

There is no vector per user: q[j, r] is the vector of "item j was rated r", as in the asymmetric SVD
(Paterek, KDD Cup 2007; Koren, KDD 2008) with ratings by level. w_τ = exp(−|gap| / τ) is the weight
of ratings near in time, κ the shrinkage, and a pair's own rating is left out of all sums. v_i and
the part of q that levels share are sums over ids, the graph, texts and attributes, so items without
ratings have both. The model's rating is linear in logit − b, with an offset per item; ``blend``
makes the predicted rating of it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.hybrid_layer import HybridFeatures, keep_rows
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import IDS
from kgrec.features.tables import KeptRows, Vocabulary
from kgrec.nn.heads import HEADS, ByScenario, HeadShape
from kgrec.nn.heads.linear_steps import product
from kgrec.nn.model import sum_parts
from kgrec.ratings.blend import RatingBlend
from kgrec.ratings.like_blend import LikeBlend
from kgrec.ratings.pools import RatingPools, TimeWindows
from kgrec.ratings.scale import RatingScale
from kgrec.scoring.context.rating_effects import ContextPenalty
from kgrec.sparse import SparseMatrix


@dataclass(frozen=True)
class RatingShape:
    """What decides the shapes of the parameters.

    ``own``: number of (item, level) pairs with enough ratings for a vector of their own; ``scales``
    in seconds and ``reach`` in events: see ``TimeWindows``.
    """

    embedding_size: int
    parts: tuple[str, ...]
    text_size: int
    kg_layers: int
    scale: RatingScale
    own: int
    scales: tuple[float, ...]
    reach: int
    head: str
    dropout: float
    id_dropout: float
    user_attributes: bool
    centred: bool = False  # whether the rating is linear in logit − b, not in the logit

    @property
    def windows(self) -> TimeWindows:
        """Which ratings count as near in time."""
        return TimeWindows(self.scales, self.reach)


@dataclass(frozen=True, eq=False)
class RatedItems:
    """Vectors of all n items.

    ``query`` and ``candidate`` float32 ``[n, d]``; ``bias`` ``[n, 2]``, of likes and of ratings;
    ``row`` int64 ``[n]`` in the vocabulary; ``known`` float32 ``[n, 1]``, 1 for items with learned
    vectors of their own (None: all).
    """

    query: Tensor
    candidate: Tensor
    bias: Tensor
    row: Tensor
    known: Tensor | None


class Offsets(ByScenario):
    """A number per scenario."""

    def __init__(self, n_scenarios: int) -> None:
        super().__init__(n_scenarios)
        self.add_rows("offset", torch.zeros(1))


class RatingModel(nn.Module):
    """The assembled model; see the module's docstring for the score.

    Vectors of events and users have d + 1 numbers, the last of which is their bias.
    """

    own_row: Tensor
    uses_head: Tensor
    blend: RatingBlend | None = None  # fitted last, on validation rows
    like_blend: LikeBlend | None = None  # fitted after it, on the same rows
    context: ContextPenalty | None = None  # of the effects of circumstances; chosen after the blend

    def __init__(self, vocabulary: Vocabulary, shape: RatingShape) -> None:
        super().__init__()
        self.shape = shape
        d, levels = shape.embedding_size, shape.scale.levels
        n_items, n_scenarios = len(vocabulary.items), len(vocabulary.scenarios)
        self.features = HybridFeatures(vocabulary, shape.parts, shape.text_size, d, shape.kg_layers)
        apart = torch.tensor(levels) - shape.scale.mean
        self.level = nn.Parameter((apart / apart.abs().max()).unsqueeze(1).repeat(1, d))
        self.level_bias = nn.Parameter(torch.zeros(len(levels), 1))
        self.register_buffer("own_row", torch.zeros(n_items * len(levels), dtype=torch.int64))
        self.own = nn.Parameter(torch.randn(1 + shape.own, d + 1) * 0.02)
        self.item_bias = nn.Parameter(torch.zeros(n_items, 2))
        self.base = nn.Parameter(
            torch.tensor(math.log(shape.scale.share / (1 - shape.scale.share)))
        )
        self.shrinkage = nn.Parameter(torch.tensor(10.0))
        self.near_gate = nn.Parameter(torch.full((len(shape.scales), d), 0.05))
        self.near_bias = nn.Parameter(torch.full((len(shape.scales),), 0.5))
        self.common = nn.Parameter(torch.zeros(d))
        if shape.user_attributes:
            self.user_token = nn.Parameter(torch.zeros(len(vocabulary.user_tokens.tokens), d + 1))
        self.first = nn.Parameter(torch.randn(d, d) * d**-0.5)
        self.first_bias = nn.Parameter(torch.zeros(d))
        self.second = nn.Parameter(torch.randn(d, d) * (0.1 * d**-0.5))
        self.head = HEADS[shape.head](HeadShape(n_scenarios, d), None)
        self.offsets = Offsets(n_scenarios)
        uses = torch.full((n_scenarios,), shape.head != "none")
        self.register_buffer("uses_head", uses)
        self.to_rating = nn.Parameter(torch.tensor(0.7))

    def keeping(self, rows: KeptRows) -> RatingModel:
        """A copy without what was learned of all other items and entities."""
        other = copy.deepcopy(self)
        other.features.keep_rows(rows)
        keep_rows(other, "item_bias", rows.items)
        levels = len(self.shape.scale.levels)
        own_row = self.own_row.view(-1, levels)[torch.as_tensor(rows.items)].flatten()
        # Row 0 of ``own`` stands for none; the others are numbered anew.
        used, place = np.unique([0, *own_row.cpu().tolist()], return_inverse=True)
        keep_rows(other, "own", used)
        other.own_row = torch.as_tensor(place[1:]).to(own_row)
        other.shape = replace(self.shape, own=len(used) - 1)
        return other

    def items(self, inputs: ItemInputs) -> RatedItems:
        """Vectors of all n items; in training, a random part of them as cold items."""
        known = inputs.present[IDS]
        if self.training and self.shape.id_dropout > 0:
            kept = torch.rand(len(inputs.item_row), 1, device=self.base.device)
            kept = (kept >= self.shape.id_dropout).float()
            known = kept if known is None else known * kept
        query, candidate = (sum_parts(parts) for parts in self.features(inputs, known))
        bias = functional.embedding(inputs.item_row.clamp_min(0), self.item_bias)
        if known is not None:
            bias = bias * known
        return RatedItems(query, candidate, bias, inputs.item_row, known)

    def events(self, items: RatedItems, item: Tensor, level: Tensor) -> Tensor:
        """Vectors of ratings, float32 ``[n, d + 1]``; ``item`` and ``level`` int64 ``[n]``."""
        shared = functional.embedding(item, items.query)
        shared = shared * functional.embedding(level, self.level)
        shared = torch.cat([shared, functional.embedding(level, self.level_bias)], dim=1)
        row = items.row[item]
        code = row.clamp_min(0) * len(self.shape.scale.levels) + level
        place = self.own_row[code] * (row >= 0)
        own = functional.embedding(place, self.own, padding_idx=0) * (place > 0).unsqueeze(1)
        if items.known is not None:
            own = own * functional.embedding(item, items.known)
        return shared + own

    def attributes(self, user_tokens: SparseMatrix) -> Tensor:
        """Vectors of the attributes of all m users, float32 ``[m, d + 1]``.

        Zero where the model reads no attributes.
        """
        if not self.shape.user_attributes:
            size = (user_tokens.shape[0], self.shape.embedding_size + 1)
            return torch.zeros(size, device=self.base.device)
        return user_tokens @ self.user_token

    def users(
        self, events: Tensor, pools: RatingPools, attributes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """z + mlp(z) float32 ``[R, d]`` and b_u ``[R]``.

        From the vectors of ``events`` ``[n, d + 1]`` and of ``attributes`` ``[R, d + 1]``.
        """
        count = (pools.count + self.shrinkage.clamp_min(1.0)).unsqueeze(1)
        whole = pools.whole.sums(events) - pools.own.sums(events)
        vector = attributes[:, :-1] + self.common + whole[:, :-1] / count.sqrt()
        bias = attributes[:, -1] + (whole[:, -1:] / count).squeeze(1)
        for place, bag in enumerate(pools.near):
            near, weight = bag.sums(events), 1 + pools.weight[place]
            vector = vector + near[:, :-1] * self.near_gate[place] / weight.sqrt().unsqueeze(1)
            bias = bias + self.near_bias[place] * near[:, -1] / weight
        vector = functional.dropout(vector, self.shape.dropout, self.training)
        hidden = (product(vector, self.first) + self.first_bias).relu()
        return vector + product(hidden, self.second), bias

    def adapted(self, vectors: Tensor, scenario: Tensor) -> Tensor:
        """H_k(z) + s_k, float32 ``[R, d]``, for ``scenario`` int64 ``[R]``.

        z itself in scenarios without a head.
        """
        if not self.uses_head.any():
            return vectors
        used = self._uses(scenario)
        own: Tensor = self.head(vectors, scenario)
        shift = self.head.bias(scenario)
        own = own if shift is None else own + shift
        return torch.where(used.unsqueeze(1), own, vectors)

    def _uses(self, scenario: Tensor) -> Tensor:
        return (scenario >= 0) & self.uses_head[scenario.clamp_min(0)]

    def without_head(self) -> None:
        """No scenario uses the head; its parameters are frozen."""
        self.uses_head.fill_(False)
        for part in (self.head, self.offsets):
            part.requires_grad_(False)

    def answers(
        self, items: RatedItems, item: Tensor, vectors: Tensor, bias: Tensor, scenario: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The logit of a like and the standardised rating, float32 ``[R]`` each."""
        vectors = self.adapted(vectors, scenario)
        taste = (vectors * functional.embedding(item, items.candidate)).sum(dim=1)
        of_item = functional.embedding(item, items.bias)
        logit = self.base + of_item[:, 0] + bias + taste
        if self.uses_head.any():
            used = self._uses(scenario)
            logit = logit + self.offsets.rows_of("offset", scenario).squeeze(1) * used
        # Without b: ratings are standardised, so the share of likes must not raise them all.
        centred = logit - self.base if self.shape.centred else logit
        return logit, self.to_rating * centred + of_item[:, 1]
