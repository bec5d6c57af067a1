"""Engine: scores of all items for any history, in any scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kgrec.arrays import row_numbers
from kgrec.errors import RequestError
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.feedback import cap_repeats
from kgrec.graph.new_items import find_new_items
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn import Histories, HistoryBatch, HybridModel, ItemVectors, ItemWeights, ModelInputs
from kgrec.nn.histories import both_ages, plain_events
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.cold_items import ColdItems, ColdOrigin
from kgrec.scoring.context.settings import ContextSettings
from kgrec.scoring.context.terms import ContextTerms
from kgrec.scoring.item_cache import ItemCache
from kgrec.scoring.message_index import MessageIndex, share
from kgrec.scoring.products import item_scores
from kgrec.scoring.scenario_codes import find_scenario_items, make_sequences
from kgrec.scoring.single_user import SingleUserScorer, UserParts
from kgrec.sparse import SparseMatrix
from kgrec.threads import follow
from kgrec.training.data.examples import Sequences

# Histories are scored in a multiple of so many: matrix products over fewer rows sum in another
# order, and the last digits of a score would depend on how many others are asked about.
_ROWS = 16


@dataclass(frozen=True, eq=False)
class Engine:
    """Scores any history against the items of a snapshot; all rows are those of the snapshot.

    ``Engine.bind`` makes an engine; its methods make others that share cached values with it.

    Attributes
    ----------
    cache : ItemCache
        Everything that does not depend on scenarios.
    model, vocabulary : HybridModel, Vocabulary
        Parameters and names, including those of scenarios that were added after training.
    snapshot, texts : GraphSnapshot, TextFeatures
        The graph and its text vectors, including descriptions of scenarios.
    weights : ItemWeights or None
        Item–item weights over the items of the vocabulary, then those that came later.
    given_scenario_items : bool ``[K + 1, n_items]`` or None
        Replaces the ``scenario_items`` found in the events.
    context : ContextSettings or None
        Weights of the terms for circumstances and repeats.
    """

    cache: ItemCache
    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    weights: ItemWeights | None = None
    given_scenario_items: np.ndarray | None = None
    context: ContextSettings | None = None

    @staticmethod
    def bind(
        bound: BoundModel,
        weights: ItemWeights | None = None,
        *,
        predicts_cold: bool = True,
        context: ContextSettings | None = None,
        origin: ColdOrigin | None = None,
    ) -> Engine:
        """An engine for a model over the snapshot that it is bound to.

        With ``predicts_cold`` False no vectors are predicted for cold items, which takes as long as
        several epochs. ``origin``: where the regression that predicts them comes from, if not from
        this snapshot.
        """
        cache = ItemCache(bound, predicts_cold, origin)
        model, vocabulary = bound.model, bound.vocabulary
        engine = Engine(cache, model, vocabulary, bound.snapshot, bound.texts, weights)
        return engine.with_context(context)

    def over(self, snapshot: GraphSnapshot, texts: TextFeatures) -> Engine:
        """The same model over another snapshot; everything is computed again."""
        bound = BoundModel(self.model, self.vocabulary, snapshot, texts, self.device)
        return Engine.bind(bound, self.weights, context=self.context)

    def grown(self, snapshot: GraphSnapshot, texts: TextFeatures) -> Engine:
        """The same model over a later snapshot, which has all trained items; the regression that
        predicts cold items stays."""
        bound, origin = self.bound, self.cache.origin
        if self.model is not bound.model or self.vocabulary is not bound.vocabulary:
            bound = replace(bound, model=self.model, vocabulary=self.vocabulary)
            bound = bound.grown(snapshot, texts)
            return Engine.bind(bound, self.weights, context=self.context, origin=origin)
        cache = self.cache.over(bound.grown(snapshot, texts))
        later = Engine(cache, self.model, self.vocabulary, snapshot, texts, self.weights)
        later = later.with_context(self.context)
        if cache.bound.inputs.items is bound.inputs.items:
            share(self, later, "item_weights")
            if "known" in vars(cache):
                share(self, later, "single_user_scorer")
        return later

    def learned(self) -> Engine:
        """The engine as it is saved and loaded again, with the regression that then predicts new
        items, which no load has to learn."""
        cache = self.cache
        if not cache.is_own_regression and cache.cold_items is None:
            cache = replace(cache, given_origin=None)
        cache.learn_cold()
        return self if cache is self.cache else replace(self, cache=cache)

    def refreshed(self, *, predicts_cold: bool = True) -> Engine:
        """An engine for changed parameters; the model's inputs are shared."""
        bound, cold = self.bound.refreshed(), predicts_cold
        return Engine.bind(bound, self.weights, predicts_cold=cold, context=self.context)

    def with_model(self, model: HybridModel, *, predicts_cold: bool = True) -> Engine:
        """The engine with a changed copy of its model; the model's inputs are shared."""
        bound, cold = replace(self.bound.refreshed(), model=model.eval()), predicts_cold
        return Engine.bind(bound, self.weights, predicts_cold=cold, context=self.context)

    def reading(self, inputs: ModelInputs) -> Engine:
        """The model over other inputs of the same snapshot, without predicted vectors."""
        bound = replace(self.bound.refreshed(), given_inputs=inputs)
        return Engine.bind(bound, self.weights, predicts_cold=False, context=self.context)

    def with_weights(self, weights: ItemWeights | None) -> Engine:
        """The same engine with these item–item weights; everything else is shared."""
        return replace(self, weights=weights)

    def with_context(self, context: ContextSettings | None) -> Engine:
        """The same engine with these terms for circumstances and repeats."""
        return self if context is None else replace(self, context=context)

    def with_scenarios(
        self,
        *,
        model: HybridModel | None = None,
        vocabulary: Vocabulary | None = None,
        snapshot: GraphSnapshot | None = None,
        texts: TextFeatures | None = None,
    ) -> Engine:
        """An engine with a model, vocabulary, snapshot or texts that differ in scenarios only.

        The cache is shared, as it does not depend on scenarios.
        """
        return replace(
            self,
            model=self.model if model is None else model.eval(),
            vocabulary=vocabulary or self.vocabulary,
            snapshot=snapshot or self.snapshot,
            texts=texts or self.texts,
        )

    @property
    def bound(self) -> BoundModel:
        """The model and snapshot that ``cache`` was computed from."""
        return self.cache.bound

    @property
    def private(self) -> bool:
        """Whether the model is differentially private; see ``ModelShape.private``."""
        return self.model.shape.private

    @property
    def device(self) -> torch.device:
        """Where scores are computed."""
        return self.bound.device

    @property
    def inputs(self) -> ModelInputs:
        """See ``BoundModel.inputs``."""
        return self.bound.inputs

    @property
    def items(self) -> ItemVectors:
        """See ``ItemCache.items``."""
        return self.cache.items

    @property
    def trained_items(self) -> ItemVectors:
        """See ``BoundModel.trained_items``."""
        return self.bound.trained_items

    @property
    def cold_items(self) -> ColdItems | None:
        """See ``ItemCache.cold_items``."""
        return self.cache.cold_items

    @property
    def known(self) -> Tensor:
        """See ``ItemCache.known``."""
        return self.cache.known

    @property
    def messages(self) -> MessageIndex:
        """See ``BoundModel.messages``."""
        return self.bound.messages

    @property
    def item_row(self) -> dict[str, int]:
        """See ``BoundModel.item_row``."""
        return self.bound.item_row

    @property
    def item_ids(self) -> np.ndarray:
        """See ``BoundModel.item_ids``."""
        return self.bound.item_ids

    @cached_property
    def sequences(self) -> Sequences:
        """All users' events, with scenario codes of ``vocabulary``."""
        if self.vocabulary is self.bound.vocabulary:
            return self.bound.sequences
        feedback = self.model.shape.feedback
        return make_sequences(self.snapshot, self.vocabulary, self.texts, feedback)

    @cached_property
    def scenario_items(self) -> np.ndarray | None:
        """bool ``[K + 1, n_items]``: the items of each scenario, then those of no scenario.

        Requests in a scenario choose among its items. None where all requests choose among all
        items.
        """
        if self.given_scenario_items is not None:
            return self.given_scenario_items
        if not self.model.shape.own_items:
            return None
        late = self.model.shape.late_scenarios
        return find_scenario_items(self.sequences, self.vocabulary, len(self.snapshot.items), late)

    def candidates(self, scenario: Ints, mask: np.ndarray | None = None) -> np.ndarray | None:
        """bool ``[n_items]`` or ``[B, n_items]``: the items that requests in these scenarios (codes
        ``[B]``) choose among, limited by ``mask``; None for all."""
        if self.scenario_items is None:
            return mask
        inside: np.ndarray = self.scenario_items[scenario]
        return inside if mask is None else inside & mask

    @cached_property
    def new_items(self) -> Ints:
        """The rows of the items about which little is known, int64, ascending; see
        ``kgrec.graph.new_items``."""
        return find_new_items(self.snapshot)

    @cached_property
    def item_weights(self) -> ItemWeights | None:
        """The item–item weights over the snapshot's items."""
        if self.weights is None:
            return None
        rows = self.inputs.items.item_row.cpu().numpy()
        return self.weights.over(rows, self.snapshot.items.ids)

    @cached_property
    def context_terms(self) -> ContextTerms | None:
        """The terms for circumstances and repeats over the snapshot; None without any."""
        if self.context is None:
            return None
        return ContextTerms.of(self.context, self.snapshot, self.model.shape.feedback)

    def adds_terms(self, histories: Histories) -> bool:
        """Whether scores have terms for circumstances or repeats."""
        terms = self.context_terms
        return terms is not None and terms.adds_to(histories)

    def split_context(
        self, context: Mapping[str, Any] | None
    ) -> tuple[Mapping[str, Any] | None, Ints | None]:
        """The user attributes of a request's context, and the codes of its circumstances, int64
        ``[C]``, None where it has none. Raises RequestError for a value of another type."""
        if context is None or self.context_terms is None:
            return context, None
        columns = {one.name for one in self.context_terms.settings.columns}
        rest = {name: value for name, value in context.items() if name not in columns}
        if len(rest) == len(context):
            return context, None
        return rest or None, self.context_terms.codes(context)

    @cached_property
    def single_user_scorer(self) -> SingleUserScorer | None:
        """The fast path for one history; None on an accelerator."""
        if self.device.type != "cpu":
            return None
        return SingleUserScorer.build(
            self.model, self.items, self.known, self.cold_items, self.item_weights
        )

    def warm_up(self) -> None:
        """Compute all values that requests need, so that the first is as fast as the next."""
        _ = (
            self.items,
            self.known,
            self.sequences,
            self.scenario_items,
            self.item_weights,
            self.context_terms,
            None if self.single_user_scorer is None else self.single_user_scorer.table,
        )
        _ = (self.item_row, self.item_ids)

    def candidate_length(self, item: int) -> float:
        """The length of an item's candidate vector before normalisation."""
        parts = self.bound.item_parts[1].values()
        return float(torch.stack([vectors[item] for vectors in parts]).sum(0).norm())

    def score_one(self, history: Histories) -> np.ndarray | None:
        """float32 ``[1, n_items]``: ``score`` for one history without context, but faster.

        None where the fast path can't be used: for several histories, on an accelerator, and for
        events with texts.
        """
        scorer = self._fast_path(history)
        if scorer is None:
            return None
        scores = scorer.scores(history)[None]
        terms = self.context_terms
        if terms is not None and terms.adds_to(history):
            every, row, item, value = terms.added(history)
            if every is not None:
                scores += every
            scores[row, item] += value
        return scores

    def _fast_path(self, history: Histories) -> SingleUserScorer | None:
        if len(history.user) != 1 or self.single_user_scorer is None:
            return None
        if self.model.shape.event_texts and (history.text >= 0).any():
            return None
        return self.single_user_scorer

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> Tensor:
        """float32 ``[B, n_items]`` on the device: scores; each row depends on its history alone.

        ``context`` are user attributes for users that are not stored. Raises RequestError.
        """
        follow()
        histories, asked = histories.padded(_ROWS), len(histories)
        batch = self._batch(histories)
        with torch.inference_mode():
            users = self._user_vectors(batch, context)
            scores = item_scores(users, self.items, self.model.shape.temperature)
            if self.item_weights is not None:
                scores += self.item_weights.scores(histories, batch.pattern)
            cold = self.cold_items
            if cold is not None:
                scores[:, cold.items] += cold.score_contributions(histories, batch)
            terms = self.context_terms
            if terms is not None and terms.adds_to(histories):
                every, row, item, value = terms.added(histories)
                if every is not None:
                    scores += torch.from_numpy(every).to(scores.device)
                cells = torch.from_numpy(row), torch.from_numpy(item)
                scores[cells] += torch.from_numpy(value).to(scores.device)
            return scores[:asked]

    def user_vectors(
        self, histories: Histories, context: Mapping[str, Any] | None = None
    ) -> Tensor:
        """float32 ``[B, d]`` on the device: the users' vectors, which ``score`` multiplies with the
        candidate vectors of items; arguments and errors as there."""
        batch = self._batch(histories.padded(_ROWS))
        with torch.inference_mode():
            return self._user_vectors(batch, context)[: len(histories)]

    def user_parts(
        self, histories: Histories, context: Mapping[str, Any] | None = None
    ) -> list[UserParts]:
        """What the scores of each history are computed from, on the processor; arguments and errors
        as for ``score``."""
        scorer = None if context else self._fast_path(histories)
        cold = self.cold_items
        if scorer is not None:
            one = scorer.user_parts(histories)
            if cold is None or scorer.cold_factors is not None:
                return [one]
            return [one._replace(factors=cold.factors_of_one(histories))]
        padded = histories.padded(_ROWS)
        batch, weights = self._batch(padded), self.item_weights
        with torch.inference_mode():
            vectors = self._user_vectors(batch, context) / self.model.shape.temperature
            factors = vectors[:, :0] if cold is None else cold.factors_of(padded, batch)
        ends = histories.indptr[1:]
        shares = (
            None
            if weights is None
            else weights.shares(histories.indptr, histories.age, histories.weight, histories.later)
        )
        events = [None] * len(ends) if shares is None else np.split(shares, ends[:-1])
        rows = zip(vectors.cpu().numpy(), factors.cpu().numpy(), strict=True)
        return [UserParts(*row, part) for row, part in zip(rows, events, strict=False)]

    def _batch(self, histories: Histories) -> HistoryBatch:
        if self.model.training:
            self.model.eval()
        n_items, scales = len(self.snapshot.items), self.model.shape.scales
        return HistoryBatch.build(histories, n_items, scales, self.device)

    def _user_vectors(self, batch: HistoryBatch, context: Mapping[str, Any] | None) -> Tensor:
        users = self.model.user_vectors(self.items, self.inputs, batch, self.known)
        if context:
            not_stored = (batch.user < 0).unsqueeze(1)
            users = users + not_stored * self.context_vector(context)
        return users

    def context_vector(self, context: Mapping[str, Any]) -> Tensor:
        """float32 ``[1, d]``: what the user attributes of a request add to the user's vector.

        Raises RequestError for attributes that the model does not know or can't read.
        """
        if not self.model.shape.user_attributes:
            raise RequestError(f"the model knows no user attributes; {self._context_cure}.")
        known = set(map(str, self.snapshot.users.attributes.columns))
        unknown = sorted(set(context) - known)
        if unknown:
            known.update(self._context_names)
            raise RequestError(f"context {unknown[0]!r} is no user attribute; use {sorted(known)}.")
        try:
            tokens = self.vocabulary.user_tokens.matrix(pd.DataFrame([dict(context)]))
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"context {dict(context)} doesn't fit the user attributes ({error}); give numbers "
                "where they hold numbers."
            ) from error
        return SparseMatrix.build(tokens, self.device) @ self.model.user_token

    @property
    def _context_names(self) -> list[str]:
        return [] if self.context is None else [one.name for one in self.context.columns]

    @property
    def _context_cure(self) -> str:
        names = self._context_names
        return f"give {names} alone in context" if names else "leave context out"

    def stored(
        self, users: Ints, scenario: Ints | None = None, *, later: bool = False
    ) -> Histories:
        """The histories of stored users (int64 rows ``[B]``).

        With ``later`` the scores are for choices after some more events instead of the next one.
        """
        return self.sequences.histories(users, scenario, later=later)

    def typed(
        self,
        indptr: Ints,
        items: Ints,
        users: Ints,
        scenario: Ints,
        times: Ints | None = None,
        weight: np.ndarray | None = None,
    ) -> Histories:
        """Histories that came with a request.

        Parameters
        ----------
        indptr, items : int64 ``[B + 1]``, ``[nnz]``
            Item rows as CSR; oldest first, unless there are times.
        users : int64 ``[B]``
            Rows of the users; -1 for users that are not stored.
        scenario : int64 ``[B]``
            Codes of the scenarios; -1 for none.
        times : int64 ``[nnz]``, optional
            Unix seconds of the events, NO_TIME for those without. They decide the order, and
            events of one time are one visit, as in stored histories. Without times each event is a
            visit of its own.
        weight : float32 ``[nnz]``, optional
            What each event says, below 0 for a negative one; None: each says 1.
        """
        none, later = np.full(len(items), -1), np.zeros(len(users), dtype=bool)
        if times is None:
            age = np.repeat(indptr[1:] - 1, np.diff(indptr)) - np.arange(len(items))
            ages = visits = age.astype(np.float32)
        else:
            order = np.lexsort((items, times, row_numbers(indptr)))
            items, times = items[order], times[order]
            weight = None if weight is None else weight[order]
            ages, visits = both_ages(indptr, times)
        if weight is not None and self.model.shape.feedback is not None:
            weight = cap_repeats(indptr, items, weight, self.model.shape.feedback.repeats)
        return Histories(indptr, items, ages, visits, none, users, scenario, later, weight)

    def typed_one(self, items: Ints, user: Ints, scenario: Ints) -> Histories:
        """``typed`` for a single history, but faster."""
        indptr, age, text, later = plain_events(len(items))
        return Histories(indptr, items, age, age, text, user, scenario, later)
