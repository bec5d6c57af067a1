"""HybridModel: item vectors from the hybrid feature layer, user vectors from histories, one score.

    score(u, i) = (F_k(c h/|h|) + s_u) · v_i / temperature + b_i

h is the gated sum of the history's pools, c = n / (n + shrinkage) how much a history of n events is
worth beside what anybody is told, s_u what is known without a history (attributes, whom
the user follows, the scenario), v_i the unit candidate vector. The gates depend on how long and how
fresh the history is, and on whether what comes next or what comes later is wanted. F_k is the
scenario's head H_k, fused with the vector as it was. For a given history |h|, c and all gates are
numbers, and the score is a sum over history events, which is what explanations read off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.build import build_inputs
from kgrec.features.hybrid_layer import HybridFeatures
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import IDS
from kgrec.features.review_features import RATING_SIGNS
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.text_pooling import ReviewInputs
from kgrec.nn.fusion import ScenarioFusion
from kgrec.nn.heads import HEADS, HeadShape, NoHead, grown, own_parameters
from kgrec.nn.histories import STATE_SIZE, HistoryBatch, TimeScales
from kgrec.sparse import SparseMatrix

USER_ATTRIBUTES = "user_token"  # the parameter that holds the vectors of user attributes


@dataclass(frozen=True)
class ModelShape:
    """What decides the parameters' shapes, once settings and data are known."""

    embedding_size: int
    parts: tuple[str, ...]
    text_size: int
    kg_layers: int
    scales: TimeScales
    temperature: float
    dropout: float
    id_dropout: float
    head: str
    user_attributes: bool
    friends: bool
    event_texts: bool
    horizons: bool  # whether what comes later is told from what comes next
    shrinkage: float  # events that a history is worth before it counts half
    fusion: bool = False  # whether the head's vectors are fused with the shared ones
    scenario_features: int = 0  # numbers that describe a scenario
    own_items: bool = False  # whether a scenario's requests choose among the items it has
    late_scenarios: int = 0  # how many, the last ones, came after training
    lean: float = 0.5  # how far a described one starts from the shared answer, towards its likes
    pull: float = 5.0  # how strongly it is held there, times what the others' spread tells
    attention: bool = False  # whether reviews are weighed by what is known of them, or alike


@dataclass(frozen=True, eq=False)
class ModelInputs:
    """Everything the model reads of one snapshot, on a device."""

    items: ItemInputs
    user_tokens: SparseMatrix
    friends: SparseMatrix | None
    event_text: Tensor

    @staticmethod
    def build(tables: FeatureTables, shape: ModelShape, device: torch.device | str) -> ModelInputs:
        friends = tables.friends
        items = build_inputs(tables, shape.kg_layers, device)
        event_text = torch.as_tensor(tables.event_text).to(device)
        if shape.attention and tables.reviews is not None:
            items = replace(items, reviews=ReviewInputs.build(tables.reviews, event_text))
        return ModelInputs(
            items=items,
            user_tokens=SparseMatrix.build(tables.user_tokens, device),
            friends=None if friends is None else SparseMatrix.build(friends, device),
            event_text=event_text,
        )


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """``query`` float32 ``[n, d]`` (as history), ``candidate`` ``[n, d]`` of unit length,
    ``bias`` ``[n]``."""

    query: Tensor
    candidate: Tensor
    bias: Tensor

    def scoring(self, rows: Tensor) -> ItemVectors:
        """The same history items, with ``rows`` (int64 ``[c]``) as the only candidates."""
        return replace(self, candidate=self.candidate[rows], bias=self.bias[rows])


class HybridModel(nn.Module):
    """The assembled model; see the module's docstring for the score.

    ``scenario_features`` float32 ``[K, f]`` describe the vocabulary's scenarios; a head that reads
    them keeps them among its weights.
    """

    def __init__(
        self, vocabulary: Vocabulary, shape: ModelShape, scenario_features: Tensor | None = None
    ) -> None:
        super().__init__()
        self.shape = shape
        d, n_scales = shape.embedding_size, shape.scales.pools
        self.features = HybridFeatures(
            vocabulary, shape.parts, shape.text_size, d, shape.kg_layers, shape.attention
        )
        horizons = 2 if shape.horizons else 1
        self.pool_gate = nn.Parameter(torch.full((horizons, n_scales, d), 1.0 / n_scales))
        if n_scales > 1:
            self.pool_state = nn.Parameter(torch.zeros(STATE_SIZE, n_scales, d))
        if shape.horizons:
            self.horizon = nn.Parameter(torch.zeros(horizons, d))
        self.item_bias = nn.Parameter(torch.zeros(len(vocabulary.items)))
        self.new_bias = nn.Parameter(torch.zeros(()))
        n_scenarios = len(vocabulary.scenarios)
        self.head = HEADS[shape.head](
            HeadShape(n_scenarios, d, shape.scenario_features), scenario_features
        )
        if shape.fusion:
            self.fusion = ScenarioFusion(n_scenarios, d, STATE_SIZE)
        if shape.user_attributes:
            self.user_token = nn.Parameter(torch.zeros(len(vocabulary.user_tokens.tokens), d))
        if shape.friends:
            self.friends_gate = nn.Parameter(torch.full((d,), 0.1))
        if shape.event_texts:
            self.event_text = nn.Parameter(torch.zeros(shape.text_size, d))
            if shape.attention:
                self.event_gate = nn.Parameter(torch.zeros(RATING_SIGNS))

    def item_parts(
        self, inputs: ModelInputs, known: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Per part, what it adds to every item's query and candidate vector, ``[n, d]``."""
        return self.features(inputs.items, known)  # type: ignore[no-any-return]

    def item_vectors(self, inputs: ModelInputs) -> ItemVectors:
        """Vectors of all n items; in training with dropout, and some items as if new."""
        known = inputs.items.present[IDS]
        if self.training and self.shape.id_dropout > 0:
            kept = torch.rand(len(inputs.items.item_row), 1, device=self.new_bias.device)
            kept = (kept >= self.shape.id_dropout).float()
            known = kept if known is None else known * kept
        query_parts, candidate_parts = self.item_parts(inputs, known)
        query = sum_parts(query_parts)
        candidate = sum_parts(candidate_parts)
        query = functional.dropout(query, self.shape.dropout, self.training)
        candidate = functional.dropout(candidate, self.shape.dropout, self.training)
        bias = functional.embedding(inputs.items.item_row.clamp_min(0), self.item_bias.unsqueeze(1))
        if known is not None:
            bias = torch.lerp(self.new_bias.expand_as(bias), bias, known)
        return ItemVectors(query, functional.normalize(candidate, dim=1), bias.squeeze(1))

    def pooled(self, query: Tensor, inputs: ModelInputs, batch: HistoryBatch) -> Tensor:
        """h: the gated sum of the history's pools, float32 ``[B, d]``."""
        total = query.new_zeros(len(batch.user), query.shape[1])
        told = None
        if batch.text_pattern is not None and self.shape.event_texts:
            told = self.event_words(inputs, batch.text_rows)
        gates = self.gates(batch)
        for scale in range(self.shape.scales.pools):
            pool = batch.pattern.matmul(batch.weights[scale], query)
            if told is not None and batch.text_pattern is not None:
                pool = pool + batch.text_pattern.matmul(batch.text_weights[scale], told)
            total = total + pool * gates[:, scale]
        return total

    def event_words(self, inputs: ModelInputs, rows: Tensor) -> Tensor:
        """What the texts ``rows`` (int64 ``[t]``) of events add to them, ``[t, d]``: their words,
        more or less of them by the rating, where ratings are read."""
        told = inputs.event_text[rows] @ self.event_text
        reviews = inputs.items.reviews
        if reviews is None or not self.shape.attention:
            return told
        return told * (1 + reviews.rated[rows] @ self.event_gate).unsqueeze(1)

    def gates(self, batch: HistoryBatch) -> Tensor:
        """What each history's pools are multiplied with, float32 ``[B or 1, S, d]``."""
        if self.shape.horizons:
            gates = functional.embedding(batch.later, self.pool_gate.flatten(1))
            gates = gates.view(-1, *self.pool_gate.shape[1:])
        else:
            gates = self.pool_gate
        if self.shape.scales.pools > 1:
            gates = gates + torch.tensordot(batch.state, self.pool_state, dims=1)
        return gates

    def worth(self, batch: HistoryBatch) -> Tensor:
        """c: what each history counts for, float32 ``[B, 1]``; all that is known of a user who just
        came is not yet much."""
        count = batch.count.unsqueeze(1)
        return count / (count + self.shape.shrinkage).clamp_min(1.0)

    def known(self, query: Tensor, inputs: ModelInputs) -> Tensor:
        """What is known of every stored user without a history: attributes and whom the user
        follows, float32 ``[m, d]``, or ``[0, d]`` where the model knows nothing."""
        total = query.new_zeros(0, query.shape[1])
        if self.shape.user_attributes and inputs.user_tokens.shape[0]:
            total = inputs.user_tokens @ self.user_token
        if self.shape.friends and inputs.friends is not None:
            followed = (inputs.friends @ query) * self.friends_gate
            total = total + followed if len(total) else followed
        return total

    @property
    def adapts(self) -> bool:
        """Whether scenarios make any difference."""
        return not isinstance(self.head, NoHead)

    def adapted(
        self, vectors: Tensor, scenario: Tensor, state: Tensor, at: Tensor | None = None
    ) -> Tensor:
        """F_k: float32 ``[B, d]`` for a scenario; ``scenario`` int64 ``[B]``, ``state`` float32
        ``[B, STATE_SIZE]``.

        Linear in ``vectors`` for fixed ``at``, where gates and masks are decided (see
        ``ScenarioHead``). With a single scenario, state and ``at`` there may be any number of
        vectors, of float64 too.
        """
        own: Tensor = self.head(vectors, scenario, at)
        if not self.shape.fusion:
            return own
        fused: Tensor = self.fusion(vectors, own, scenario, state)
        return fused

    @property
    def own_parameters(self) -> tuple[str, ...]:
        """Names of the parameters with a row for each scenario; see ``ByScenario``."""
        return own_parameters(self)

    def grown(
        self, count: int = 1, like: int | None = None, features: Tensor | None = None
    ) -> HybridModel:
        """A copy that knows ``count`` scenarios more, whose codes follow those of the others.

        Their own parameters start as the mean of the others', or as those of scenario ``like``;
        ``features`` float32 ``[count, f]`` describe them. All else is the same to the bit, and so
        are the others' scores. Raises ValueError; see ``ByScenario.grown``.
        """
        known = self.head.n_scenarios
        other = grown(self, count, like)
        if features is not None:
            for row, told in enumerate(features):
                other.head.describe(known + row, told)
        return other

    def static(
        self,
        query: Tensor,
        inputs: ModelInputs,
        batch: HistoryBatch,
        known: Tensor | None = None,
    ) -> Tensor:
        """s_u: what is known of each user without a history, float32 ``[B, d]``.

        ``known`` is what ``known()`` gives, where that is at hand.
        """
        total = query.new_zeros(len(batch.user), query.shape[1])
        if batch.stored:
            known = self.known(query, inputs) if known is None else known
        if batch.stored and known is not None and len(known):
            stored = (batch.user >= 0).unsqueeze(1)
            total = total + functional.embedding(batch.user.clamp_min(0), known) * stored
        if self.shape.horizons:
            total = total + functional.embedding(batch.later, self.horizon)
        bias = self.head.bias(batch.scenario) if batch.in_scenario else None
        return total if bias is None else total + bias

    def user_vectors(
        self,
        items: ItemVectors,
        inputs: ModelInputs,
        batch: HistoryBatch,
        known: Tensor | None = None,
    ) -> Tensor:
        """F_k(c h/|h|) + s_u, float32 ``[B, d]``; h counts as zero for an empty history."""
        pooled = functional.normalize(self.pooled(items.query, inputs, batch), dim=1)
        pooled = pooled * self.worth(batch)
        adapted = self.adapted(pooled, batch.scenario, batch.state)
        return adapted + self.static(items.query, inputs, batch, known)

    def scores(self, users: Tensor, items: ItemVectors) -> Tensor:
        """float32 ``[B, n]`` from user vectors ``[B, d]``."""
        return torch.addmm(items.bias, users, items.candidate.T, alpha=1 / self.shape.temperature)


def sum_parts(parts: dict[str, Tensor]) -> Tensor:
    """The parts' sum, in the order of their names."""
    first, *others = (parts[name] for name in sorted(parts))
    for other in others:
        first = first + other
    return first
