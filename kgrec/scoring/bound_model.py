"""BoundModel: a trained model over one snapshot, and what it reads and computes there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.features.build import build_tables
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn import Histories, HybridModel, ItemVectors, ModelInputs
from kgrec.scoring.message_index import MessageIndex
from kgrec.scoring.scenario_codes import make_sequences
from kgrec.training.data.examples import Sequences


@dataclass(frozen=True, eq=False)
class BoundModel:
    """``model`` over ``snapshot`` and its ``texts``; rows are those of the snapshot.

    What is read from the snapshot (``given_inputs``, ``given_sequences``) may be handed over from
    another BoundModel over the same snapshot.
    """

    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    device: torch.device
    given_inputs: ModelInputs | None = None
    given_sequences: Sequences | None = None

    def refreshed(self) -> BoundModel:
        """The same for parameters that have changed since: vectors are computed anew, what is read
        from the snapshot is shared."""
        return replace(self, given_inputs=self.inputs, given_sequences=self.sequences)

    @cached_property
    def inputs(self) -> ModelInputs:
        """What the model reads from the snapshot, as tensors on the device."""
        if self.given_inputs is not None:
            return self.given_inputs
        return read_inputs(self.model, self.vocabulary, self.snapshot, self.texts, self.device)

    @cached_property
    def sequences(self) -> Sequences:
        """All users' events, with the vocabulary's codes of scenarios."""
        if self.given_sequences is not None:
            return self.given_sequences
        return make_sequences(self.snapshot, self.vocabulary, self.texts)

    def stored(self, users: Ints) -> Histories:
        """The histories of stored users (int64 rows ``[B]``), in no scenario."""
        return self.sequences.histories(users, None)

    @cached_property
    def trained_rows(self) -> Ints:
        """int64: the rows of items that have training interactions."""
        return np.flatnonzero(self.inputs.items.item_row.cpu().numpy() >= 0)

    @cached_property
    def trained_items(self) -> ItemVectors:
        """The items' vectors as the model alone has them, float32."""
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_vectors(self.inputs)

    @cached_property
    def item_parts(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What every feature block adds to the items' query and candidate vectors, ``[n, d]``."""
        self.model.eval()
        with torch.inference_mode():
            return self.model.item_parts(self.inputs)

    @cached_property
    def messages(self) -> MessageIndex:
        """The messages that items receive from the graph."""
        return MessageIndex(self.model, self.vocabulary, self.snapshot, self.inputs)

    @cached_property
    def item_row(self) -> dict[str, int]:
        """Each item's row by its id: for a few ids many times faster than the node table."""
        return {item: row for row, item in enumerate(self.snapshot.items.ids)}

    @cached_property
    def item_ids(self) -> np.ndarray:
        """object ``[n + 1]``: the items' ids, and None last, where row -1 points."""
        return np.append(self.snapshot.items.ids, [None])


def read_inputs(
    model: HybridModel,
    vocabulary: Vocabulary,
    snapshot: GraphSnapshot,
    texts: TextFeatures,
    device: torch.device,
) -> ModelInputs:
    """What ``model`` reads from a snapshot, as tensors on ``device``."""
    tables = build_tables(snapshot, vocabulary, texts.items, texts.events)
    return ModelInputs.build(tables, model.shape, device)
