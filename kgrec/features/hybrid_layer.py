"""The hybrid feature layer: an item is the gated sum of what each feature block says of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.features.blocks import FEATURE_BLOCKS, LayerSizes, block_of, in_block_order
from kgrec.features.inputs import ItemInputs
from kgrec.features.kg_encoder import KGEncoder
from kgrec.features.names import IDS, KNOWLEDGE
from kgrec.features.tables import KeptRows, Vocabulary
from kgrec.graph.snapshot import Ints


class Side(nn.Module):
    """One side (query or candidate) of the layer: gates, and stand-ins for what is missing.

    A block whose vectors serve both sides has a gate ``[d]`` on each side; the other blocks have a
    projection of their own per side, which is their gate.
    """

    def __init__(self, parts: tuple[str, ...], embedding_size: int) -> None:
        super().__init__()
        for block in FEATURE_BLOCKS:
            if block.gate is not None:
                first = torch.full((embedding_size,), block.gate)
                self.register_parameter(f"{block.name}_gate", nn.Parameter(first))
        self.missing = nn.ParameterDict({part: torch.zeros(embedding_size) for part in parts})

    def gate(self, part: str) -> Tensor:
        """Return the gate of a part whose block has one, ``[d]``."""
        return self.get_parameter(f"{part}_gate")

    def forward(self, part: str, vectors: Tensor, present: Tensor | None) -> Tensor:
        """Return what a part adds to each of n items.

        Parameters
        ----------
        part : str
        vectors : float32 ``[n, d]``
        present : float32 ``[n, 1]`` or None
            One where an item has the part; others get a learned stand-in. None: all have it.
        """
        if block_of(part).gate is not None:
            vectors = vectors * self.gate(part)
        if present is None:
            return vectors
        missing: Tensor = self.missing[part]
        return torch.lerp(missing.expand_as(vectors), vectors, present)


class HybridFeatures(nn.Module):
    """Vectors of all items from every part, for both sides (query: an item in a history).

    Parameters
    ----------
    vocabulary : Vocabulary
        What training saw.
    parts : tuple of str
        The parts that the model reads, each of a block of ``FEATURE_BLOCKS``.
    text_size : int
        Columns of the language model's vectors.
    embedding_size : int
        Columns d of the layer's vectors.
    layers : int
        Layers of message passing.
    attention : bool
        Whether attention pools reviews, or their mean is taken.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        parts: tuple[str, ...],
        text_size: int,
        embedding_size: int,
        layers: int,
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.parts = parts
        self._first = [part for part in parts if not block_of(part).reads_other_parts]
        self._last = [part for part in parts if block_of(part).reads_other_parts]
        self.query, self.candidate = Side(parts, embedding_size), Side(parts, embedding_size)
        sizes = LayerSizes(vocabulary, text_size, embedding_size, layers, attention)
        self._add_parameters(sizes)

    def _add_parameters(self, sizes: LayerSizes) -> None:
        """Make the blocks' parameters, in the order that equal seeds give equal models by."""
        tables: dict[str, dict[str, Tensor]] = {}
        modules: dict[str, nn.Module] = {}
        for part in (*in_block_order(self._first), *in_block_order(self._last)):
            block = block_of(part)
            for name, first in block.parameters(part, sizes).items():
                table, _, entry = name.partition(".")
                if entry:
                    tables.setdefault(table, {})[entry] = first
                else:
                    self.register_parameter(name, nn.Parameter(first))
            modules.update(block.modules(part, sizes))
        for name, entries in tables.items():
            self.add_module(name, nn.ParameterDict(entries))
        for name, module in modules.items():
            self.add_module(name, module)

    def keep_rows(self, rows: KeptRows) -> None:
        """Forget the learned rows of all other items and entities, in place."""
        for part in self.parts:
            block = block_of(part)
            if block.learned_ids is None:
                continue
            for name in block.row_tables:
                place, _, entry = name.rpartition(".")
                keep_rows(self.get_submodule(place), entry, rows.of(block.learned_ids))

    def forward(
        self, inputs: ItemInputs, known: Tensor | None = None, left_out: tuple[str, ...] = ()
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the vectors of n items by part.

        Parameters
        ----------
        inputs : ItemInputs
        known : float32 ``[n, 1]`` or None
            Overrides which items have a learned id (id dropout).
        left_out : tuple of str
            Parts that are not computed.

        Returns
        -------
        pair of dict
            By part float32 ``[n, d]``: for the query and for the candidate side.
        """
        query: dict[str, Tensor] = {}
        candidate: dict[str, Tensor] = {}
        for part in (*self._first, *self._last):
            if part in left_out:
                continue
            present = known if part == IDS and known is not None else inputs.present[part]
            others = self._sum_first(query, inputs) if part in self._last else None
            left, right = block_of(part).encode(self, part, inputs, others)
            query[part] = self.query(part, left, present)
            candidate[part] = self.candidate(part, right, present)
        return query, candidate

    def messages(self, inputs: ItemInputs) -> Tensor:
        """Return what the graph's nodes send to items, float32 ``[t, d]``."""
        query = {
            part: self.query(
                part, block_of(part).encode(self, part, inputs, None)[0], inputs.present[part]
            )
            for part in self._first
        }
        encoder = self.get_submodule(KNOWLEDGE)
        assert isinstance(encoder, KGEncoder)
        return encoder.messages(self._sum_first(query, inputs), inputs.messages)

    def _sum_first(self, query: dict[str, Tensor], inputs: ItemInputs) -> Tensor:
        """The sum of the first parts' query vectors, float32 ``[n, d]``, for messages that items
        send; zeros where no message starts at an item."""
        total = self.query.gate(KNOWLEDGE).new_zeros(
            len(inputs.item_row), len(self.query.gate(KNOWLEDGE))
        )
        if inputs.messages.from_items:
            for part in self._first:
                total = total + query[part]
        return total


def keep_rows(module: nn.Module, name: str, rows: Ints) -> None:
    """Keep these rows (int64) of a parameter or buffer of ``module`` alone."""
    table: Tensor = getattr(module, name)
    kept = table.detach()[torch.as_tensor(rows, device=table.device)].clone()
    if isinstance(table, nn.Parameter):
        kept = nn.Parameter(kept, requires_grad=table.requires_grad)
    setattr(module, name, kept)
