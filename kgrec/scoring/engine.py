"""Engine: a trained model bound to one snapshot, with the vectors of all its items at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from graph_schema.mapping import GraphMapping
from graph_schema.names import ENTITY, ITEM
from kgrec.config.scenarios import ScenarioRule
from kgrec.errors import RequestError
from kgrec.explain import Explainer
from kgrec.features.build import build_tables
from kgrec.features.messages import relation_key
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn import (
    Histories,
    HistoryBatch,
    HybridModel,
    ItemVectors,
    ItemWeights,
    ModelInputs,
)
from kgrec.nn.histories import plain_events
from kgrec.scenarios.user_scenarios import codes_of_users, only_scenarios
from kgrec.scoring.cold_items import NewItems, find_new_items
from kgrec.scoring.scenario_codes import find_own_items, make_sequences
from kgrec.scoring.single_user import QuickScorer
from kgrec.search.ranker import Searcher
from kgrec.sparse import SparseMatrix
from kgrec.training.data.examples import Sequences
from kgrec.training.scenarios.maml import Start


@dataclass(frozen=True, eq=False)
class Engine:
    """Scores any history against the items of ``snapshot``; rows are the snapshot's. ``weights``
    between the vocabulary's items, and ``start``, of meta-training, may be absent."""

    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    device: torch.device
    mapping: GraphMapping | None = None
    weights: ItemWeights | None = None
    rule: ScenarioRule | None = None
    start: Start | None = None

    @cached_property
    def inputs(self) -> ModelInputs:
        tables = build_tables(self.snapshot, self.vocabulary, self.texts.items, self.texts.events)
        return self.read(tables)

    def read(self, tables: FeatureTables) -> ModelInputs:
        """``inputs`` from tables of this snapshot that are at hand; they are kept."""
        inputs = ModelInputs.build(tables, self.model.shape, self.device)
        self.__dict__["inputs"] = inputs
        return inputs

    @cached_property
    def sequences(self) -> Sequences:
        return make_sequences(self.snapshot, self.vocabulary, self.texts)

    @cached_property
    def items(self) -> ItemVectors:
        """The items' vectors, float32, computed once; of new items what the others foretell."""
        trained = self.trained_items
        return trained if self.new_items is None else self.new_items.placed(trained)

    @cached_property
    def trained_rows(self) -> Ints:
        """int64: the items that training saw."""
        return np.flatnonzero(self.inputs.items.item_row.cpu().numpy() >= 0)

    @cached_property
    def own_items(self) -> np.ndarray | None:
        """bool ``[K + 1, n_items]``: the items that requests of each scenario choose among, those
        without one last; None where that is all of them."""
        if not self.model.shape.own_items:
            return None
        late = self.model.shape.late_scenarios
        return find_own_items(self.sequences, self.vocabulary, len(self.snapshot.items), late)

    def candidates(self, scenario: Ints, mask: np.ndarray | None = None) -> np.ndarray | None:
        """bool ``[n_items]`` or ``[B, n_items]``: what requests of these scenarios (codes ``[B]``)
        choose among, narrowed by ``mask``; None for all."""
        if self.own_items is None:
            return mask
        own: np.ndarray = self.own_items[scenario]
        return own if mask is None else own & mask

    @cached_property
    def item_weights(self) -> ItemWeights | None:
        """The weights between the snapshot's items."""
        if self.weights is None:
            return None
        return self.weights.placed(self.inputs.items.item_row.cpu().numpy())

    @cached_property
    def new_items(self) -> NewItems | None:
        """What the trained items foretell of those that training never saw, None without any."""
        return find_new_items(self)

    @cached_property
    def trained_items(self) -> ItemVectors:
        """The items' vectors as the model alone has them."""
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_vectors(self.inputs)

    @cached_property
    def known(self) -> Tensor:
        """What is known of every stored user without a history, computed once."""
        with torch.inference_mode():
            return self.model.known(self.items.query, self.inputs)

    @cached_property
    def quick(self) -> QuickScorer | None:
        """What scores a single history fastest, on the processor."""
        if self.device.type != "cpu":
            return None
        return QuickScorer.build(
            self.model, self.items, self.known, self.new_items, self.item_weights
        )

    @cached_property
    def item_row(self) -> dict[str, int]:
        """Each item's row by its id: for a few ids many times faster than the node table."""
        return {item: row for row, item in enumerate(self.snapshot.items.ids)}

    @cached_property
    def item_ids(self) -> np.ndarray:
        """object ``[n + 1]``: the items' ids, and None last, where row -1 points."""
        return np.append(self.snapshot.items.ids, [None])

    @cached_property
    def user_scenarios(self) -> Ints | None:
        """The scenario of every stored user where one can be told without asking."""
        if self.rule is None and self.model.shape.own_items:
            return only_scenarios(self.sequences)
        return codes_of_users(self.rule, self.snapshot.users, self.vocabulary)

    @cached_property
    def searcher(self) -> Searcher:
        return Searcher(self.snapshot, self.texts)

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self.snapshot, mapping=self.mapping)

    def refreshed(self) -> Engine:
        """With vectors made anew, for parameters that have changed; what is read of the snapshot
        is shared."""
        fresh = replace(self)
        fresh.__dict__.update(inputs=self.inputs, sequences=self.sequences)
        return fresh

    def alone(self) -> Engine:
        """``refreshed`` without what the others foretell of new items, which takes as long as some
        epochs."""
        fresh = self.refreshed()
        fresh.__dict__.update(new_items=None)
        return fresh

    def weighed(self, weights: ItemWeights) -> Engine:
        """The same with these item–item weights; nothing else is made anew."""
        return _keeping(self, replace(self, weights=weights), {"item_weights", "quick"})

    def starting(self, start: Start | None) -> Engine:
        """The same with what meta-training found."""
        return _keeping(self, replace(self, start=start), set())

    @cached_property
    def item_parts(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What every part adds to the items' query and candidate vectors, ``[n, d]`` each."""
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_parts(self.inputs)

    @cached_property
    def messages(self) -> Tensor:
        """What every message of the graph says, float32 ``[t, d]``."""
        with torch.inference_mode():
            return self.model.features.messages(self.inputs.items)

    @cached_property
    def message_sources(self) -> Ints:
        """int64 ``[t]``: the node that sends each message, numbered as explanations do."""
        sent = self.inputs.items.messages
        source = sent.layers[-1].source.cpu().numpy()
        space = self.explainer.index.space
        n_items = len(self.snapshot.items) if sent.from_items else 0
        entities = self.snapshot.entities.rows(self.vocabulary.entities) + space.offsets[ENTITY]
        at_entity = entities[np.maximum(source - n_items, 0)]
        nodes: Ints = np.where(source < n_items, self.item_nodes(source), at_entity)
        return nodes

    @cached_property
    def message_codes(self) -> Ints:
        """int64 ``[t]``: the edge source → receiver of each message, numbered as explanations do:
        2 · position in ``snapshot.facts``, plus one against the fact's direction."""
        place = {key: row for row, key in enumerate(self.vocabulary.relations)}
        codes = np.full(len(place), -1, dtype=np.int64)
        for position, facts in enumerate(self.snapshot.facts):
            for forward in (True, False):
                row = place.get(relation_key(facts, forward))
                if row is not None:
                    codes[row] = 2 * position + (not forward)
        relation: Ints = self.inputs.items.messages.layers[-1].relation.cpu().numpy()
        return np.asarray(codes[relation])

    @cached_property
    def received(self) -> tuple[Ints, Ints, np.ndarray]:
        """The messages of each item as CSR: ``indptr`` ``[n + 1]``, message rows, weights."""
        matrix = self.inputs.items.messages.layers[-1].receive
        starts = matrix.pattern.indptr.cpu().numpy()
        indices = matrix.pattern.indices.cpu().numpy()
        return np.append(starts, len(indices)), indices, matrix.values.cpu().numpy()

    def candidate_length(self, item: int) -> float:
        """The length of an item's candidate vector before it is made a unit vector."""
        total = torch.stack([vectors[item] for vectors in self.item_parts[1].values()]).sum(0)
        return float(total.norm())

    def item_nodes(self, rows: Ints) -> Ints:
        """Item rows as node numbers of explanations."""
        nodes: Ints = rows + self.explainer.index.space.offsets[ITEM]
        return nodes

    def score_one(self, history: Histories) -> np.ndarray | None:
        """What ``score`` gives for a batch of one, sooner: float32 ``[1, n_items]``.

        None for what it can't do: several histories, an accelerator, events with own texts.
        """
        if len(history.user) != 1 or self.quick is None:
            return None
        if self.model.shape.event_texts and (history.text >= 0).any():
            return None
        return self.quick.scores(history)[None]

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> Tensor:
        """float32 ``[B, n_items]`` on the device; each row depends on its own history alone.

        ``context`` are attributes of users that are not stored. Raises RequestError.
        """
        if self.model.training:
            self.model.eval()
        batch = HistoryBatch.build(
            histories, len(self.snapshot.items), self.model.shape.scales, self.device
        )
        with torch.inference_mode():
            users = self.model.user_vectors(self.items, self.inputs, batch, self.known)
            if context:
                stranger = (batch.user < 0).unsqueeze(1)
                users = users + stranger * self._told(context)
            scores = self.model.scores(users, self.items)
            if self.item_weights is not None:
                scores += self.item_weights.scores(histories, batch.pattern)
            if self.new_items is not None:
                scores[:, self.new_items.items] += self.new_items.added(histories, batch)
            return scores

    def _told(self, context: Mapping[str, Any]) -> Tensor:
        """What attributes given with a request say of a user, float32 ``[1, d]``."""
        if not self.model.shape.user_attributes:
            raise RequestError("the model knows no user attributes; leave context out.")
        known = set(map(str, self.snapshot.users.attributes.columns))
        unknown = sorted(set(context) - known)
        if unknown:
            raise RequestError(f"context {unknown[0]!r} is no user attribute; use {sorted(known)}.")
        try:
            tokens = self.vocabulary.user_tokens.matrix(pd.DataFrame([dict(context)]))
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"context {dict(context)} doesn't fit the user attributes ({error}); give numbers "
                "where they hold numbers."
            ) from error
        return SparseMatrix.build(tokens, self.device) @ self.model.user_token

    def stored(
        self, users: Ints, scenario: Ints | None = None, *, later: bool = False
    ) -> Histories:
        """The histories of stored users (int64 rows ``[B]``); ``later`` asks for what comes later
        and not for what comes next."""
        return self.sequences.histories(users, scenario, later=later)

    def typed(self, indptr: Ints, items: Ints, users: Ints, scenario: Ints) -> Histories:
        """Histories given with the request: ``items`` int64 rows, oldest first, of row r from
        ``indptr[r]`` to ``indptr[r + 1]``; ``users`` -1 if not stored, ``scenario`` codes."""
        age = np.repeat(indptr[1:] - 1, np.diff(indptr)) - np.arange(len(items))
        ages, none = age.astype(np.float32), np.full(len(items), -1)
        later = np.zeros(len(users), dtype=bool)
        return Histories(indptr, items, ages, ages, none, users, scenario, later)

    def typed_one(self, items: Ints, user: Ints, scenario: Ints) -> Histories:
        """``typed`` for a single one, faster."""
        indptr, age, text, later = plain_events(len(items))
        return Histories(indptr, items, age, age, text, user, scenario, later)


def _keeping(one: Engine, other: Engine, anew: set[str]) -> Engine:
    """``other`` with what ``one`` has made, but ``anew``."""
    done = set(one.__dict__) - {field.name for field in fields(one)} - anew
    other.__dict__.update({name: one.__dict__[name] for name in done})
    return other


def rebound(engine: Engine, snapshot: GraphSnapshot, texts: TextFeatures) -> Engine:
    """The same model over another snapshot."""
    return replace(engine, snapshot=snapshot, texts=texts)
