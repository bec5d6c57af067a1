"""BoundModel: a trained model over one snapshot, its inputs and the vectors it computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.features.blocks import block_of
from kgrec.features.build import KnownTokens, build_tables, friends_of
from kgrec.features.names import ATTRIBUTES
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn import Histories, HybridModel, ItemVectors, ModelInputs
from kgrec.scoring.message_index import MessageIndex, share
from kgrec.scoring.scenario_codes import make_sequences
from kgrec.sparse import SparseMatrix
from kgrec.training.data.examples import Sequences

_READ = ("items", "entities", "facts", "reviews", "queries")  # of a snapshot, by items' inputs


@dataclass(frozen=True, eq=False)
class BoundModel:
    """A model over one snapshot; all rows are those of the snapshot.

    Attributes
    ----------
    model : HybridModel
        The parameters.
    vocabulary : Vocabulary
        The items, entities and scenarios that the model knows.
    snapshot : GraphSnapshot
        The graph.
    texts : TextFeatures
        Vectors of the graph's texts.
    device : torch.device
        Where the model computes.
    given_inputs, given_sequences : optional
        ``inputs`` and ``sequences`` of another BoundModel over the same snapshot, to be shared.
    given_items : ItemVectors or None
        ``trained_items``, where they were computed elsewhere.
    """

    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    device: torch.device
    given_inputs: ModelInputs | None = None
    given_sequences: Sequences | None = None
    given_items: ItemVectors | None = None

    def refreshed(self) -> BoundModel:
        """A BoundModel for changed parameters: vectors are computed again, inputs are shared."""
        return replace(
            self, given_inputs=self.inputs, given_sequences=self.sequences, given_items=None
        )

    def grown(self, snapshot: GraphSnapshot, texts: TextFeatures) -> BoundModel:
        """A BoundModel over a later snapshot; attributes are read for changed nodes alone, and
        what the same tables say is shared."""
        inputs = self._grown_inputs(snapshot, texts)
        later = BoundModel(self.model, self.vocabulary, snapshot, texts, self.device)
        later = replace(later, given_inputs=inputs)
        if inputs.items is self.inputs.items:
            share(self, later, "trained_rows", "trained_items", "item_parts")
            if "messages" in vars(self):
                vars(later)["messages"] = self.messages.over(snapshot, inputs)
        if snapshot.items is self.snapshot.items:
            share(self, later, "item_row", "item_ids", "integer_item_ids")
        return later

    def _grown_inputs(self, snapshot: GraphSnapshot, texts: TextFeatures) -> ModelInputs:
        before, known = self.snapshot, self.inputs
        tokens = None
        if ATTRIBUTES in known.items.rows:
            tokens = KnownTokens(before, known.items.tokens.csr, known.user_tokens.csr)
        same = texts is self.texts
        same = same and all(getattr(before, name) is getattr(snapshot, name) for name in _READ)
        if not same or (tokens is None and before.users is not snapshot.users):
            return read_inputs(self.model, self.vocabulary, snapshot, texts, self.device, tokens)
        if known.friends is not None:
            friends = SparseMatrix.build(friends_of(snapshot), self.device)
            known = replace(known, friends=friends)
        if tokens is None or before.users is snapshot.users:
            return known
        users = SparseMatrix.build(tokens.of_users(snapshot, self.vocabulary), self.device)
        return replace(known, user_tokens=users)

    @cached_property
    def inputs(self) -> ModelInputs:
        """The model's inputs, read from the snapshot, as tensors on the device."""
        if self.given_inputs is not None:
            return self.given_inputs
        return read_inputs(self.model, self.vocabulary, self.snapshot, self.texts, self.device)

    @cached_property
    def sequences(self) -> Sequences:
        """All users' events, with scenario codes of the vocabulary."""
        if self.given_sequences is not None:
            return self.given_sequences
        feedback = self.model.shape.feedback
        return make_sequences(self.snapshot, self.vocabulary, self.texts, feedback)

    def stored(self, users: Ints) -> Histories:
        """The histories of stored users (int64 rows ``[B]``), without a scenario."""
        return self.sequences.histories(users, None)

    @cached_property
    def trained_rows(self) -> Ints:
        """int64: the rows of the items with training interactions."""
        return np.flatnonzero(self.inputs.items.item_row.cpu().numpy() >= 0)

    @cached_property
    def trained_items(self) -> ItemVectors:
        """The items' vectors that the model gives, float32; nothing is predicted for cold items."""
        if self.given_items is not None:
            return self.given_items
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_vectors(self.inputs)

    @cached_property
    def item_parts(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The contributions ``[n, d]`` of each feature block to query and candidate vectors."""
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_parts(self.inputs)

    @cached_property
    def messages(self) -> MessageIndex:
        """The messages that items receive from the graph."""
        return MessageIndex(self.model, self.vocabulary, self.snapshot, self.inputs)

    @cached_property
    def item_row(self) -> dict[str, int]:
        """The row of each item id; for a few ids much faster than a look-up in the node table."""
        return {item: row for row, item in enumerate(self.snapshot.items.ids)}

    @cached_property
    def item_ids(self) -> np.ndarray:
        """object ``[n + 1]``: the items' ids, then None, which row -1 points to."""
        return np.append(self.snapshot.items.ids, [None])

    @cached_property
    def integer_item_ids(self) -> np.ndarray:
        """``item_ids`` as integers; every id must be a whole number."""
        return np.array([*map(int, self.snapshot.items.ids), None], dtype=object)


def read_inputs(
    model: HybridModel,
    vocabulary: Vocabulary,
    snapshot: GraphSnapshot,
    texts: TextFeatures,
    device: torch.device,
    tokens: KnownTokens | None = None,
) -> ModelInputs:
    """The inputs that ``model`` reads from a snapshot, as tensors on ``device``; ``tokens`` as in
    ``build_tables``.

    A part of texts that no item has any more is one that all items lack.
    """
    nothing = np.zeros((len(snapshot.items), model.shape.text_size), dtype=np.float32)
    parts = {part: nothing for part in model.shape.parts if block_of(part).is_text}
    tables = build_tables(snapshot, vocabulary, {**parts, **texts.items}, texts.events, tokens)
    return ModelInputs.build(tables, model.shape, device)
