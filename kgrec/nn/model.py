"""HybridModel: item vectors from the hybrid feature layer, user vectors from histories, one score.

    score(u, i) = (F_k(c h/|h|) + s_u) · v_i / temperature + b_i

h is the gated sum of the history's pools, in which a negative event's item vector is multiplied by
a learned vector; c = n / (n + shrinkage) is the weight of a history of n
events; s_u is the part of the user's vector that needs no history (attributes, whom the user
follows, the scenario); v_i is the unit candidate vector. The gates depend on the length and the age
of the history, and on the horizon: what comes next, or what comes later. F_k is the scenario's head
H_k, fused with the vector before it. For a given history |h|, c and all gates are constants, so the
score is a sum over history events, which is what explanations show.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.build import build_inputs
from kgrec.features.hybrid_layer import HybridFeatures, keep_rows
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import IDS
from kgrec.features.review_features import RATING_FEATURES
from kgrec.features.tables import FeatureTables, KeptRows, Vocabulary
from kgrec.features.text_pooling import ReviewInputs
from kgrec.feedback import EventWeights
from kgrec.nn.dropout import dropped_out
from kgrec.nn.fusion import ScenarioFusion
from kgrec.nn.heads import HEADS, HeadShape, grown, own_parameters
from kgrec.nn.histories import STATE_SIZE, HistoryBatch, TimeScales
from kgrec.sparse import SparseMatrix

USER_ATTRIBUTES = "user_token"  # the parameter that holds the vectors of user attributes


@dataclass(frozen=True)
class ModelShape:
    """What decides the parameters' shapes, once settings and data are known; saved with the model.

    Attributes
    ----------
    embedding_size : int
        Columns d of every vector.
    parts : tuple of str
        The parts of items' features, each of a feature block.
    text_size : int
        Columns of the language model's vectors, 0 without texts.
    kg_layers : int
        Layers of message passing.
    scales : TimeScales
        Decays of the history's pools.
    temperature : float
        Divides cosines in the score.
    dropout, id_dropout : float
        Shares that training leaves out: of the items' summed vectors, and of learned ids.
    head : str
        Name of the scenario head.
    user_attributes, friends, event_texts : bool
        Whether the model reads attributes of users, whom they follow, and texts of events.
    horizons : bool
        Whether what comes later has gates of its own.
    shrinkage : float
        Events at which a history counts half.
    fusion : bool
        Whether the head's vectors are fused with the shared ones.
    scenario_features : int
        Numbers that describe a scenario, 0 where the head reads none.
    own_items : bool
        Whether requests of a scenario choose among the items that it has.
    late_scenarios : int
        Number of scenarios added after training; they are the last ones.
    lean : float
        How far an added scenario with a description starts from the shared parameters, towards
        those of similar scenarios.
    pull : float
        How strongly it is held there, relative to the spread of the other scenarios.
    attention : bool
        Whether attention pools the reviews; else their mean is taken.
    silent_parts : tuple of str
        Parts that add nothing to the vectors, as in a model in closed form; cold items are compared
        by them.
    feedback : EventWeights or None
        What events say by kind and rating; None: each says the same.
    private : bool
        Whether the parameters are differentially private: then nothing of other people may enter
        an answer.
    """

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
    horizons: bool
    shrinkage: float
    fusion: bool = False
    scenario_features: int = 0
    own_items: bool = False
    late_scenarios: int = 0
    lean: float = 0.5
    pull: float = 5.0
    attention: bool = False
    silent_parts: tuple[str, ...] = ()
    feedback: EventWeights | None = None
    private: bool = False

    @property
    def signed(self) -> bool:
        """Whether histories may have negative events."""
        return self.feedback is not None and self.feedback.signed


@dataclass(frozen=True, eq=False)
class ModelInputs:
    """Everything the model reads of one snapshot, on a device.

    Attributes
    ----------
    items : ItemInputs
    user_tokens : SparseMatrix ``[m, tokens]``
        Attribute tokens of users.
    friends : SparseMatrix ``[m, n]`` or None
        The mean history of those whom each user follows.
    event_text : float32 ``[e, text_size]``
        Vectors of reviews, then of queries.
    """

    items: ItemInputs
    user_tokens: SparseMatrix
    friends: SparseMatrix | None
    event_text: Tensor

    @staticmethod
    def build(tables: FeatureTables, shape: ModelShape, device: torch.device | str) -> ModelInputs:
        """Return tables on a device, for a model of this shape."""
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
    """Vectors of n items.

    Attributes
    ----------
    query : float32 ``[n, d]``
        For an item in a history.
    candidate : float32 ``[n, d]``
        For an item that is ranked; rows of unit length.
    bias : float32 ``[n]``
    """

    query: Tensor
    candidate: Tensor
    bias: Tensor

    def scoring(self, rows: Tensor) -> ItemVectors:
        """Return the same history items, with ``rows`` (int64 ``[c]``) as the only candidates."""
        return replace(self, candidate=self.candidate[rows], bias=self.bias[rows])


class HybridModel(nn.Module):
    """The assembled model; see the module's docstring for the score.

    Parameters
    ----------
    vocabulary : Vocabulary
        What training saw.
    shape : ModelShape
    scenario_features : float32 ``[K, f]``, optional
        Describe the vocabulary's K scenarios; a head that reads them keeps them among its weights.
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
        if shape.signed:
            self.against = nn.Parameter(torch.zeros(d))
        if shape.event_texts:
            self.event_text = nn.Parameter(torch.zeros(shape.text_size, d))
            if shape.attention:
                self.event_gate = nn.Parameter(torch.zeros(RATING_FEATURES))

    def item_parts(
        self, inputs: ModelInputs, known: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return by part what it adds to the items' query and candidate vectors, ``[n, d]``."""
        return self.features(inputs.items, known)  # type: ignore[no-any-return]

    def item_vectors(self, inputs: ModelInputs) -> ItemVectors:
        """Return the vectors of all n items; in training with dropout, of some items' ids too."""
        known = inputs.items.present[IDS]
        if self.training and self.shape.id_dropout > 0:
            kept = torch.rand(len(inputs.items.item_row), 1, device=self.new_bias.device)
            kept = (kept >= self.shape.id_dropout).float()
            known = kept if known is None else known * kept
        silent = self.shape.silent_parts
        query_parts, candidate_parts = self.features(inputs.items, known, silent)
        query = sum_parts(query_parts)
        candidate = sum_parts(candidate_parts)
        if self.training:
            query = dropped_out(query, self.shape.dropout)
            candidate = dropped_out(candidate, self.shape.dropout)
        bias = functional.embedding(inputs.items.item_row.clamp_min(0), self.item_bias.unsqueeze(1))
        if known is not None:
            bias = torch.lerp(self.new_bias.expand_as(bias), bias, known)
        return ItemVectors(query, functional.normalize(candidate, dim=1), bias.squeeze(1))

    def pooled(self, query: Tensor, inputs: ModelInputs, batch: HistoryBatch) -> Tensor:
        """Return h, the gated sum of the history's pools, float32 ``[B, d]``."""
        total = query.new_zeros(len(batch.user), query.shape[1])
        words = None
        if batch.text_pattern is not None and self.shape.event_texts:
            words = self.event_words(inputs, batch.text_rows)
        gates = self.gates(batch).unbind(1)
        likes_alone = batch.pattern.n_columns == len(query)
        events = query if likes_alone else self.event_table(query)
        pools = batch.pattern.matmuls(batch.weights, events)
        for scale in range(self.shape.scales.pools):
            pool = pools[scale]
            if words is not None and batch.text_pattern is not None:
                pool = pool + batch.text_pattern.matmul(batch.text_weights[scale], words)
            total = total + pool * gates[scale]
        return total

    def event_table(self, query: Tensor) -> Tensor:
        """Return what an event adds by its item: as a like, then as a negative event.

        Parameters
        ----------
        query : float32 ``[n, d]``

        Returns
        -------
        float32 ``[n, d]`` or ``[2 n, d]``
            As ``query``; below it, where histories may have negative events, times a learned
            vector, which is zero before training.
        """
        return torch.cat([query, query * self.against]) if self.shape.signed else query

    def event_words(self, inputs: ModelInputs, rows: Tensor) -> Tensor:
        """Return what the texts of events add to these, float32 ``[t, d]``.

        Parameters
        ----------
        inputs : ModelInputs
        rows : int64 ``[t]``
            Rows of ``inputs.event_text``. Where attention pools the reviews, the rating decides
            how much a text adds.
        """
        words = inputs.event_text[rows] @ self.event_text
        reviews = inputs.items.reviews
        if reviews is None or not self.shape.attention:
            return words
        return words * (1 + reviews.rated[rows] @ self.event_gate).unsqueeze(1)

    def gates(self, batch: HistoryBatch) -> Tensor:
        """Return what each history's pools are multiplied with, float32 ``[B or 1, S, d]``."""
        if self.shape.horizons:
            gates = functional.embedding(batch.later, self.pool_gate.flatten(1))
            gates = gates.view(-1, *self.pool_gate.shape[1:])
        else:
            gates = self.pool_gate
        if self.shape.scales.pools > 1:
            gates = gates + torch.tensordot(batch.state, self.pool_state, dims=1)
        return gates

    def history_weight(self, batch: HistoryBatch) -> Tensor:
        """Return c, the weight of each history, float32 ``[B, 1]``: short histories count less."""
        count = batch.count.unsqueeze(1)
        return count / (count + self.shape.shrinkage).clamp_min(1.0)

    def known(self, query: Tensor, inputs: ModelInputs) -> Tensor:
        """Return what attributes of stored users and whom they follow add to their vectors.

        Returns
        -------
        float32 ``[m, d]``
            ``[0, d]`` where the model reads neither.
        """
        total = query.new_zeros(0, query.shape[1])
        if self.shape.user_attributes and inputs.user_tokens.shape[0]:
            total = inputs.user_tokens @ self.user_token
        if self.shape.friends and inputs.friends is not None:
            followed = (inputs.friends @ query) * self.friends_gate
            total = total + followed if len(total) else followed
        return total

    @property
    def adapts(self) -> bool:
        """Whether the model has a scenario head."""
        return self.head.adapts

    def adapted(
        self, vectors: Tensor, scenario: Tensor, state: Tensor, at: Tensor | None = None
    ) -> Tensor:
        """Return F_k of vectors.

        Parameters
        ----------
        vectors : float32 ``[B, d]``
            With a single scenario, state and ``at`` there may be any number of vectors, of float64
            too.
        scenario : int64 ``[B]``
            Codes, -1 for none.
        state : float32 ``[B, STATE_SIZE]``
            The state of each history.
        at : float32 ``[B, d]``, optional
            The vectors at which gates and masks are decided (see ``ScenarioHead``); the result is
            linear in ``vectors`` for fixed ``at``.

        Returns
        -------
        float ``[B, d]``
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
        """Return a copy with more scenarios, whose codes follow those of the others.

        Everything else, and so every score in the other scenarios, stays the same to the bit.

        Parameters
        ----------
        count : int
            How many scenarios to add.
        like : int, optional
            The scenario whose parameters they start from; else from the mean of all.
        features : float32 ``[count, f]``, optional
            Describe them, for a head that reads features.

        Raises
        ------
        ValueError
            See ``ByScenario.grown``.
        """
        known = self.head.n_scenarios
        other = grown(self, count, like)
        if features is not None:
            for row, numbers in enumerate(features):
                other.head.describe(known + row, numbers)
        return other

    def keeping(self, rows: KeptRows) -> HybridModel:
        """Return a copy without what was learned of all other items and entities.

        Every score of the items that stay is the same to the bit, for the same inputs.
        """
        other = copy.deepcopy(self)
        other.features.keep_rows(rows)
        keep_rows(other, "item_bias", rows.items)
        return other

    def static(
        self,
        query: Tensor,
        inputs: ModelInputs,
        batch: HistoryBatch,
        known: Tensor | None = None,
    ) -> Tensor:
        """Return s_u, the part of the users' vectors that needs no history, float32 ``[B, d]``.

        ``known`` is the result of ``known()``, where it is at hand.
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
        """Return F_k(c h/|h|) + s_u, float32 ``[B, d]``; h is zero for an empty history."""
        pooled = functional.normalize(self.pooled(items.query, inputs, batch), dim=1)
        pooled = pooled * self.history_weight(batch)
        adapted = self.adapted(pooled, batch.scenario, batch.state)
        return adapted + self.static(items.query, inputs, batch, known)

    def scores(self, users: Tensor, items: ItemVectors) -> Tensor:
        """Return the scores of n items, float32 ``[B, n]``, from user vectors ``[B, d]``."""
        return torch.addmm(items.bias, users, items.candidate.T, alpha=1 / self.shape.temperature)


def sum_parts(parts: dict[str, Tensor]) -> Tensor:
    """Return the sum of the parts, in the order of their names."""
    first, *others = (parts[name] for name in sorted(parts))
    for other in others:
        first = first + other
    return first
