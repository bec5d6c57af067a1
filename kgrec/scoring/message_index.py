"""MessageIndex: the messages of a graph's last layer, with the node numbers of path search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graph_schema.names import ENTITY, ITEM
from kgrec.features.messages import relation_key
from kgrec.features.names import KNOWLEDGE
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn import HybridModel, ModelInputs
from kgrec.paths.adjacency import NodeSpace


@dataclass(frozen=True, eq=False)
class MessageIndex:
    """The t messages that items receive from their neighbours in the graph.

    Nodes have the numbers of ``space``, the same as in a ``PathIndex`` over the snapshot.
    """

    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    inputs: ModelInputs

    @cached_property
    def space(self) -> NodeSpace:
        """The numbering of the snapshot's nodes."""
        return NodeSpace(self.snapshot)

    @cached_property
    def vectors(self) -> Tensor:
        """float32 ``[t, d]``: the vectors of the messages."""
        with torch.inference_mode():
            return self.model.features.messages(self.inputs.items)

    @cached_property
    def sources(self) -> Ints:
        """int64 ``[t]``: the sender of each message, as a node number."""
        messages = self.inputs.items.messages
        source = messages.layers[-1].source.cpu().numpy()
        n_items = len(self.snapshot.items) if messages.from_items else 0
        entities = self.snapshot.entities.rows(self.vocabulary.entities)
        if not len(entities):
            return self.item_nodes(source)
        at_entity = (entities + self.space.offsets[ENTITY])[np.maximum(source - n_items, 0)]
        nodes: Ints = np.where(source < n_items, self.item_nodes(source), at_entity)
        return nodes

    @cached_property
    def codes(self) -> Ints:
        """int64 ``[t]``: the edge code of each message, from sender to receiver.

        2 · position in ``snapshot.facts``, plus one where the message goes against the fact's
        direction.
        """
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
        """Each item's received messages as CSR: ``indptr`` ``[n + 1]``, messages, weights."""
        matrix = self.inputs.items.messages.layers[-1].receive
        starts = matrix.pattern.indptr.cpu().numpy()
        indices = matrix.pattern.indices.cpu().numpy()
        return np.append(starts, len(indices)), indices, matrix.values.cpu().numpy()

    def over(self, snapshot: GraphSnapshot, inputs: ModelInputs) -> MessageIndex:
        """The index of a later snapshot with the same items, entities and facts."""
        later = MessageIndex(self.model, self.vocabulary, snapshot, inputs)
        share(self, later, "vectors", "codes", "received")
        if len(snapshot.users) == len(self.snapshot.users):
            share(self, later, "sources")
        return later

    def warm_up(self) -> None:
        """Compute all cached values now. A model without the part "knowledge" has no messages."""
        if KNOWLEDGE not in self.model.shape.parts:
            return
        _ = (self.space, self.vectors, self.sources, self.codes, self.received)

    def of_items(self, rows: Ints) -> tuple[Ints, Ints, np.ndarray]:
        """Position in ``rows``, number and weight of each message that these item rows receive."""
        starts, indices, values = self.received
        counts = starts[rows + 1] - starts[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        first = np.cumsum(counts) - counts
        place = np.arange(len(owner)) - first[owner] + starts[rows][owner]
        return owner, indices[place], values[place]

    def item_nodes(self, rows: Ints) -> Ints:
        """int64: the node numbers of item rows."""
        nodes: Ints = rows + self.space.offsets[ITEM]
        return nodes


def share(one: object, other: object, *names: str) -> None:
    """Give ``other``, which was made from ``one``, the cached properties ``names`` that ``one`` has
    computed."""
    known = vars(one)
    vars(other).update({name: known[name] for name in names if name in known})
